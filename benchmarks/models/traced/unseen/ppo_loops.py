"""Policy gradient with a smooth PPO-like clip, value head on a shared trunk and an entropy bonus."""
import numpy as np
from math import exp, log, tanh

STYLE = "student RL homework, loop over steps, scalar math, beginner comments"


def discounted(rewards, gamma):
    G = np.zeros(len(rewards))
    running = 0.0
    for t in range(len(rewards) - 1, -1, -1):
        running = rewards[t] + gamma * running
        G[t] = running
    return G


def smooth_clip(rho, eps):
    # like np.clip(rho, 1-eps, 1+eps) but differentiable everywhere
    return 1 + eps * tanh((rho - 1) / eps)


def actor_critic_loss(weights, states, actions, old_logp, rewards,
                      gamma=0.9, eps=0.3, c_value=0.5, c_entropy=0.2):
    W1 = weights['W1']; b1 = weights['b1']
    Wp = weights['Wp']; bp = weights['bp']
    Wv = weights['Wv']; bv = weights['bv']
    T = len(states)
    G = discounted(rewards, gamma)
    # normalised returns minus a running average baseline (no gradient through this)
    baseline = np.cumsum(G) / np.arange(1, T + 1)
    adv = (G - baseline) / (G.std() + 1e-6)

    grads = {}
    for key in weights:
        grads[key] = np.zeros_like(weights[key])

    policy_loss = 0.0
    value_loss = 0.0
    entropy_sum = 0.0
    for t in range(T):
        s = states[t]
        # ---- forward ----
        h = np.tanh(np.dot(W1, s) + b1)
        score = np.dot(Wp, h) + bp
        e = np.exp(score - score.max())
        pi = e / e.sum()
        v = np.dot(Wv, h) + bv[0]

        a = actions[t]
        rho = exp(log(pi[a]) - old_logp[t])
        soft = smooth_clip(rho, eps)
        surrogate = 0.5 * (rho + soft) * adv[t]
        entropy = 0.0
        for k in range(len(pi)):
            entropy -= pi[k] * log(pi[k])

        policy_loss += -surrogate / T
        value_loss += (G[t] - v) ** 2 / T
        entropy_sum += entropy / T

        # ---- backward ----
        dsoft_drho = 1 - tanh((rho - 1) / eps) ** 2
        drho = -0.5 * (1 + dsoft_drho) * adv[t] / T
        dlogp = drho * rho
        dscore = np.zeros(len(pi))
        for k in range(len(pi)):
            if k == a:
                dscore[k] += dlogp * (1 - pi[k])
            else:
                dscore[k] += dlogp * (-pi[k])
            # entropy: dH/dscore_k = -pi_k (log pi_k + H)
            dscore[k] += c_entropy / T * pi[k] * (log(pi[k]) + entropy)
        dv = -2 * c_value * (G[t] - v) / T

        grads['Wp'] += np.outer(dscore, h)
        grads['bp'] += dscore
        grads['Wv'] += dv * h
        grads['bv'] += dv
        dh = np.dot(Wp.T, dscore)
        dh += dv * Wv
        dz = dh * (1 - h * h)
        grads['W1'] += np.outer(dz, s)
        grads['b1'] += dz

    loss = policy_loss + c_value * value_loss - c_entropy * entropy_sum
    return loss, grads


def make_problem(n_state=4, n_hidden=5, n_action=3, n_steps=7):
    rng = np.random.default_rng(2024)
    states = rng.normal(size=(n_steps, n_state))
    actions = rng.integers(0, n_action, n_steps)
    rewards = rng.normal(size=n_steps) + 0.3
    old_logp = np.log(1.0 / n_action) + 0.2 * rng.normal(size=n_steps)
    weights = {
        'W1': rng.normal(size=(n_hidden, n_state)) * 0.5,
        'b1': np.zeros(n_hidden),
        'Wp': rng.normal(size=(n_action, n_hidden)) * 0.9,
        'bp': np.zeros(n_action),
        'Wv': rng.normal(size=n_hidden) * 0.5,
        'bv': np.zeros(1),
    }
    return actor_critic_loss, weights, (states, actions, old_logp, rewards)
