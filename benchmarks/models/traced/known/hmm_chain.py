"""Hidden Markov chain: log-likelihood by scaled forward pass, gradient by the smoothing pass."""

import numpy as np

STYLE = "HMM forward-backward, lists over time"


def _rows_softmax(S):
    E = np.exp(S - S.max(axis=-1, keepdims=True))
    return E / E.sum(axis=-1, keepdims=True)


def negloglik(theta, obs, n_states, n_symbols):
    K, M, T = n_states, n_symbols, len(obs)
    s_pi = theta[:K]
    s_A = theta[K : K + K * K].reshape(K, K)
    s_B = theta[K + K * K :].reshape(K, M)
    pi, A, B = _rows_softmax(s_pi), _rows_softmax(s_A), _rows_softmax(s_B)

    # forward, rescaled
    alpha, scale = [], []
    for t, o in enumerate(obs):
        prior = pi if t == 0 else alpha[-1] @ A
        a = prior * B[:, o]
        c = a.sum()
        scale.append(c)
        alpha.append(a / c)
    nll = -np.sum(np.log(scale))

    # backward, same scale
    beta = [None] * T
    beta[T - 1] = np.ones(K)
    for t in range(T - 2, -1, -1):
        beta[t] = A @ (B[:, obs[t + 1]] * beta[t + 1]) / scale[t + 1]

    # expected counts
    n_start = alpha[0] * beta[0]
    n_trans = np.zeros((K, K))
    n_emit = np.zeros((K, M))
    for t in range(T):
        gamma = alpha[t] * beta[t]
        n_emit[:, obs[t]] += gamma
        if t > 0:
            arrive = B[:, obs[t]] * beta[t] / scale[t]
            n_trans += np.outer(alpha[t - 1], arrive) * A

    # expected minus what the softmax rows predict
    g_pi = pi * n_start.sum() - n_start
    g_A = A * n_trans.sum(axis=1, keepdims=True) - n_trans
    g_B = B * n_emit.sum(axis=1, keepdims=True) - n_emit
    return nll, np.hstack([g_pi, g_A.ravel(), g_B.ravel()])


def make_problem(n_states=3, n_symbols=4, length=6):
    rng = np.random.default_rng([n_states, n_symbols, length])
    obs = rng.integers(0, n_symbols, length)
    x0 = rng.standard_normal(n_states + n_states**2 + n_states * n_symbols)
    return negloglik, x0, (obs, n_states, n_symbols)
