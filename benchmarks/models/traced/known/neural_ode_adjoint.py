"""Neural ODE, explicit Euler, gradient by the discrete adjoint."""

import numpy as np

STYLE = "neural ODE, vector-Jacobian closures, adjoint loop"


def make_field(width, hidden):
    """Return the right-hand side and its vector-Jacobian product."""
    cut = hidden * width

    def split(p):
        A = p[:cut].reshape(hidden, width)
        c = p[cut : cut + hidden]
        B = p[cut + hidden :].reshape(width, hidden)
        return A, c, B

    def field(y, t, p):
        A, c, B = split(p)
        return B @ np.tanh(A @ y + c * t) - 0.2 * y

    def vjp(y, t, p, lam):
        A, c, B = split(p)
        s = np.tanh(A @ y + c * t)
        back = (B.T @ lam) * (1.0 - s * s)
        lam_y = A.T @ back - 0.2 * lam
        lam_p = np.concatenate([np.outer(back, y).ravel(), back * t, np.outer(lam, s).ravel()])
        return lam_y, lam_p

    return field, vjp


def trajectory_loss(z, field, vjp, target, h, width):
    y0, p = z[:width], z[width:]
    steps = len(target)
    path = [y0]
    for k in range(steps):
        path.append(path[-1] + h * field(path[-1], k * h, p))
    gap = [path[k + 1] - target[k] for k in range(steps)]
    loss = h * sum(0.5 * g @ g for g in gap)

    lam = np.zeros(width)
    grad_p = np.zeros_like(p)
    for k in reversed(range(steps)):
        lam = lam + h * gap[k]
        lam_y, lam_p = vjp(path[k], k * h, p, lam)
        grad_p += h * lam_p
        lam = lam + h * lam_y
    return loss, np.hstack((lam, grad_p))


def make_problem(width=3, hidden=4, steps=5):
    rng = np.random.default_rng([width, hidden, steps])
    field, vjp = make_field(width, hidden)
    target = rng.standard_normal((steps, width))
    z0 = 0.7 * rng.standard_normal(width + 2 * width * hidden + hidden)
    return trajectory_loss, z0, (field, vjp, target, 0.25, width)
