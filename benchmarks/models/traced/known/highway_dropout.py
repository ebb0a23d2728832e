"""Stack of highway layers with fixed dropout masks and group normalisation free of parameters."""
import numpy as np

STYLE = "highway net, layer stack in zip loops, dropout masks, in-place grad views"


def sigm(a):
    return np.reciprocal(1 + np.exp(-a))


def objective(theta, X, y, depth, masks, keep):
    m, d = X.shape
    grad = np.zeros(theta.shape)
    T, dT = theta[: depth * d * d].reshape(depth, d, d), grad[: depth * d * d].reshape(depth, d, d)
    c, dc = theta[depth * d * d : depth * (d * d + d)].reshape(depth, d), grad[depth * d * d : depth * (d * d + d)].reshape(depth, d)
    H, dH = theta[depth * (d * d + d) : -d].reshape(depth, d, d), grad[depth * (d * d + d) : -d].reshape(depth, d, d)
    out, dout = theta[-d:], grad[-d:]

    history = []
    x = X
    for l in range(depth):
        gate = sigm(x @ T[l] + c[l] - 1)
        cand = np.sin(x @ H[l])
        new = gate * cand + (1 - gate) * x
        history.append((x, gate, cand))
        x = new * masks[l] / keep
    score = x @ out
    J = np.mean(np.log1p(np.exp(-y * score)))

    dscore = -y * sigm(-y * score) / m
    dout += x.T @ dscore
    dx = np.outer(dscore, out)
    for l in reversed(range(depth)):
        xin, gate, cand = history[l]
        dnew = dx * masks[l] / keep
        dgate = dnew * (cand - xin)
        dcand = dnew * gate
        dx = dnew * (1 - gate)
        da = dgate * gate * (1 - gate)
        db = dcand * np.cos(xin @ H[l])
        dT[l] += xin.T @ da
        dc[l] += da.sum(axis=0)
        dH[l] += xin.T @ db
        dx += da @ T[l].T
        dx += db @ H[l].T
    return J, grad


def make_problem(m=5, d=4, depth=2):
    d, depth = min(d, 4), min(depth, 3)
    rng = np.random.default_rng([m, d, depth])
    masks = (rng.random((depth, m, d)) < 0.75).astype(float)
    y = rng.choice([-1.0, 1.0], m)
    theta = rng.standard_normal(depth * (2 * d * d + d) + d)
    return objective, theta, (rng.standard_normal((m, d)), y, depth, masks, 0.75)
