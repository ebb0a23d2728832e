"""Planar n-body problem, velocity Verlet; gradient of the final misfit for start positions, velocities and log masses."""
import numpy as np

STYLE = "n-body Verlet, stored states, hand-transposed steps, pairwise loops"

DT = 0.2
SOFT = 0.5


def accel(q, m):
    a = np.zeros_like(q)
    for i in range(len(m)):
        for j in range(len(m)):
            if i == j:
                continue
            r = q[j] - q[i]
            a[i] += m[j] * r / (r @ r + SOFT) ** 1.5
    return a


def accel_adj(q, m, abar):
    """Pull abar (adjoint of the accelerations) back to positions and masses."""
    qbar = np.zeros_like(q)
    mbar = np.zeros_like(m)
    for i in range(len(m)):
        for j in range(len(m)):
            if i == j:
                continue
            r = q[j] - q[i]
            d = r @ r + SOFT
            mbar[j] += abar[i] @ r / d ** 1.5
            rbar = m[j] * (abar[i] / d ** 1.5 - 3.0 * (abar[i] @ r) * r / d ** 2.5)
            qbar[j] += rbar
            qbar[i] -= rbar
    return qbar, mbar


def misfit(state, n, steps, q_obs):
    q = state[: 2 * n].reshape(n, 2)
    v = state[2 * n : 4 * n].reshape(n, 2)
    m = np.exp(state[4 * n :])
    stack = [(q, v)]
    for _ in range(steps):
        vh = v + 0.5 * DT * accel(q, m)
        q = q + DT * vh
        v = vh + 0.5 * DT * accel(q, m)
        stack.append((q, v))
    dq = q - q_obs
    momentum = m @ v
    value = 0.5 * np.sum(dq * dq) + 0.5 * momentum @ momentum

    qb = dq.copy()
    vb = np.outer(m, momentum)
    mb = v @ momentum
    while len(stack) > 1:
        q1, _ = stack.pop()
        q0, _ = stack[-1]
        extra, dm = accel_adj(q1, m, 0.5 * DT * vb)
        qb = qb + extra
        mb = mb + dm
        vhb = vb + DT * qb
        extra, dm = accel_adj(q0, m, 0.5 * DT * vhb)
        qb = qb + extra
        mb = mb + dm
        vb = vhb
    return value, np.concatenate((qb.ravel(), vb.ravel(), mb * m))


def make_problem(n=3, steps=4):
    n = min(n, 4)
    rng = np.random.default_rng([n, steps])
    q_obs = rng.standard_normal((n, 2))
    return misfit, rng.standard_normal(5 * n), (n, steps, q_obs)
