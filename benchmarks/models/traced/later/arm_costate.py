"""Optimal control of a planar n-link arm: joint torques and feedback gains, gradient by discrete costates."""
import numpy as np

STYLE = "control engineer, Hamiltonian notation (lx, lu, fx, fu), time loop"


def tip(q, L):
    """End effector position and Jacobian of a serial planar arm (relative joint angles)."""
    a = np.cumsum(q)
    p = np.array([np.sum(L * np.cos(a)), np.sum(L * np.sin(a))])
    Jac = np.zeros((2, len(q)))
    for j in range(len(q)):
        Jac[0, j] = -np.sum(L[j:] * np.sin(a[j:]))
        Jac[1, j] = np.sum(L[j:] * np.cos(a[j:]))
    return p, Jac


def make_problem(n_joints=3, horizon=6):
    n, N = n_joints, horizon
    rng = np.random.default_rng(1960)
    L = 0.5 + 0.5 * rng.random(n)
    dt, umax, damp, grav = 0.25, 1.5, 0.4, 0.8
    goal = 0.6 * L.sum() * np.array([np.cos(0.9), np.sin(0.9)])
    obst, rad2 = np.array([0.5 * L.sum(), 0.3]), 0.35
    wobs, wu, wvel, wgoal, wK = 0.6, 0.05, 0.5, 8.0, 0.1
    qref = 0.3 + 0.5 * rng.standard_normal(n)
    q0 = 0.2 * rng.standard_normal(n)
    Cpl = np.eye(n) + 0.2 * rng.standard_normal((n, n))      # torque coupling

    def fun(theta):
        V = theta[:N * n].reshape(N, n)              # feed-forward
        K = theta[N * n:].reshape(2, n)              # position and velocity gains per joint
        # ---------------- simulate
        q, w, s = np.zeros((N + 1, n)), np.zeros((N + 1, n)), np.zeros((N, n))
        q[0] = q0
        J = 0.0
        for t in range(N):
            s[t] = V[t] - K[0] * (q[t] - qref) - K[1] * w[t]
            u = umax * np.tanh(s[t] / umax)
            p, _ = tip(q[t], L)
            d = p - obst
            J += dt * (wobs * np.exp(-0.5 * (d @ d) / rad2) + wu * (u @ u))
            acc = Cpl @ u - damp * w[t] * np.abs(w[t]) - grav * np.cos(np.cumsum(q[t]))
            w[t + 1] = w[t] + dt * acc
            q[t + 1] = q[t] + dt * w[t + 1]          # semi-implicit
        p, Jac = tip(q[N], L)
        J += 0.5 * wgoal * np.sum((p - goal) ** 2) + 0.5 * wvel * np.sum(w[N] ** 2)
        J += 0.5 * wK * np.sum(K ** 2)

        # ---------------- costates
        lamq = wgoal * Jac.T @ (p - goal)
        lamw = wvel * w[N]
        dV = np.zeros((N, n))
        dK = wK * K
        for t in reversed(range(N)):
            mu = lamw + dt * lamq                    # multiplier of the w update
            u = umax * np.tanh(s[t] / umax)
            lu = 2 * dt * wu * u
            Hu = lu + dt * Cpl.T @ mu
            Hs = Hu * (1 - (u / umax) ** 2)
            dV[t] = Hs
            dK[0] -= Hs * (q[t] - qref)
            dK[1] -= Hs * w[t]
            p, Jac = tip(q[t], L)
            d = p - obst
            lx = -dt * wobs * np.exp(-0.5 * (d @ d) / rad2) / rad2 * (Jac.T @ d)
            gr = dt * grav * np.sin(np.cumsum(q[t])) * mu
            gq = np.cumsum(gr[::-1])[::-1]           # transpose of cumsum
            lamq = lamq + lx + gq - K[0] * Hs
            lamw = mu - 2 * dt * damp * np.abs(w[t]) * mu - K[1] * Hs
        return J, np.concatenate([dV.ravel(), dK.ravel()])

    x0 = np.concatenate([0.8 * rng.standard_normal(N * n), 0.5 + 0.3 * rng.random(2 * n)])
    return fun, x0
