"""Selective state-space layer (Mamba for dummies): step size, B and C from the input, scan in time."""
import numpy as np

STYLE = "blog post, functional forward/backward with a cache of lists"


def softplus(z):
    return np.log1p(np.exp(z))


def ssm_forward(x, params):
    Wdt, bdt, logA, WB, WC, D = params
    T, d = x.shape
    A = -np.exp(logA)                       # (d, n), always stable
    zdt = x @ Wdt + bdt                     # (T, d)
    dt = softplus(zdt)
    B = x @ WB                              # (T, n)
    C = x @ WC                              # (T, n)
    hs = [np.zeros_like(A)]
    decays = []
    y = np.zeros_like(x)
    for t in range(T):
        decay = np.exp(dt[t][:, None] * A)
        h = decay * hs[-1] + (dt[t] * x[t])[:, None] * B[t][None, :]
        y[t] = h @ C[t] + D * x[t]
        hs.append(h)
        decays.append(decay)
    return y, (x, A, zdt, dt, B, C, hs, decays)


def ssm_backward(dy, cache):
    x, A, zdt, dt, B, C, hs, decays = cache
    T, d = x.shape
    dA = np.zeros_like(A)
    ddt = np.zeros_like(dt)
    dB = np.zeros_like(B)
    dC = np.zeros_like(C)
    dD = np.sum(dy * x, axis=0)
    dh_next = np.zeros_like(A)
    for t in range(T - 1, -1, -1):
        dC[t] = hs[t + 1].T @ dy[t]
        dh = dh_next + np.outer(dy[t], C[t])
        # h = exp(dt A) * h_prev + dt * x * B
        ddecay = dh * hs[t]
        dexpo = ddecay * decays[t]
        dA += dexpo * dt[t][:, None]
        ddt[t] = np.sum(dexpo * A, axis=1) + (dh @ B[t]) * x[t]
        dB[t] = (dt[t] * x[t]) @ dh
        dh_next = dh * decays[t]
    dzdt = ddt / (1 + np.exp(-zdt))
    dWdt = x.T @ dzdt
    dbdt = dzdt.sum(axis=0)
    dlogA = dA * A
    return [dWdt, dbdt, dlogA, x.T @ dB, x.T @ dC, dD]


def make_problem(d=3, n=4, T=6):
    rng = np.random.default_rng(20)
    x = rng.normal(size=(T, d))
    target = rng.normal(size=(T, d))
    params = [0.4 * rng.normal(size=(d, d)), 0.2 * rng.normal(size=d),
              0.3 * rng.normal(size=(d, n)), 0.6 * rng.normal(size=(d, n)),
              0.6 * rng.normal(size=(d, n)), rng.normal(size=d)]

    def loss_fn(params):
        y, cache = ssm_forward(x, params)
        err = y - target
        return np.mean(err ** 2), ssm_backward(2 * err / err.size, cache)

    return loss_fn, params
