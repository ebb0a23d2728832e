"""REINFORCE (policy gradient) with an entropy bonus, episode by episode, step by step."""
import numpy as np

STYLE = "blog post RL, loops over steps, list of weights, comments everywhere"


def softmax(z):
    e = np.exp(z - np.max(z))
    return e / np.sum(e)


def discounted(rewards, gamma):
    # G_t = r_t + gamma * G_{t+1}
    out = np.zeros(len(rewards))
    running = 0.0
    for t in reversed(range(len(rewards))):
        running = rewards[t] + gamma * running
        out[t] = running
    return out


def surrogate(weights, episodes, gamma=0.95, beta=0.2):
    """Loss whose gradient is the policy gradient. Returns it and a list like weights."""
    W1, b1, W2, b2 = weights
    dW1 = np.zeros_like(W1)
    db1 = np.zeros_like(b1)
    dW2 = np.zeros_like(W2)
    db2 = np.zeros_like(b2)
    loss = 0.0

    for states, actions, rewards in episodes:
        returns = discounted(rewards, gamma)
        # baseline = mean return of this episode (no gradient flows here)
        advantage = returns - returns.mean()

        for s, a, adv in zip(states, actions, advantage):
            # ---- forward ----
            h = np.tanh(W1.dot(s) + b1)
            pi = softmax(W2.dot(h) + b2)
            logpi = np.log(pi)
            entropy = -np.sum(pi * logpi)
            # we MAXIMISE adv * log pi + beta * H, so the loss has a minus
            loss -= adv * logpi[a] + beta * entropy

            # ---- backward ----
            # d log pi[a] / d logits = onehot(a) - pi
            onehot = np.zeros(len(pi))
            onehot[a] = 1.0
            dlogits = -adv * (onehot - pi)
            # d H / d logits = -pi * (log pi + H)
            dlogits += beta * pi * (logpi + entropy)
            # output layer
            dW2 += np.outer(dlogits, h)
            db2 += dlogits
            # hidden layer, tanh' = 1 - h^2
            dh = W2.T.dot(dlogits)
            dz = dh * (1 - h * h)
            dW1 += np.outer(dz, s)
            db1 += dz

    # average over episodes (not over steps!)
    n = len(episodes)
    grads = [dW1 / n, db1 / n, dW2 / n, db2 / n]
    return loss / n, grads


def make_problem(n_state=4, n_hidden=5, n_action=3, n_episodes=4):
    rng = np.random.RandomState(0)
    episodes = []
    for k in range(n_episodes):
        T = 2 + k % 3
        episodes.append((rng.randn(T, n_state), rng.randint(n_action, size=T), rng.randn(T)))
    weights = [rng.randn(n_hidden, n_state) * 0.5, rng.randn(n_hidden) * 0.1,
               rng.randn(n_action, n_hidden) * 0.5, rng.randn(n_action) * 0.1]
    return surrogate, weights, (episodes,)
