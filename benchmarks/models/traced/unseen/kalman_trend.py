"""Kalman filter likelihood of a damped multivariate state-space model, reverse sweep through the filter."""
import numpy as np

STYLE = "control engineer: F H Q R P K letters, filter history in lists, adj_ prefix for every adjoint"


def params(x, n, m):
    i = 0
    F = x[i:i + n * n].reshape(n, n)
    i += n * n
    H = x[i:i + m * n].reshape(m, n)
    i += m * n
    lq = x[i:i + n]
    i += n
    lr = x[i:i + m]
    i += m
    a0 = x[i:i + n]
    return F, H, lq, lr, a0


def kalman_cost(x, Y, n, kappa):
    N, m = Y.shape
    F, H, lq, lr, a0 = params(x, n, m)
    Q = np.diag(np.exp(lq))
    R = np.diag(np.exp(lr))
    I = np.eye(n)

    xs = a0
    P = kappa * I
    hist = []
    J = 0.0
    for k in range(N):
        # predict
        xp = F @ xs
        Pp = F @ P @ F.T + Q
        # update
        v = Y[k] - H @ xp
        S = H @ Pp @ H.T + R
        Si = np.linalg.inv(S)
        K = Pp @ H.T @ Si
        hist.append((xs, P, xp, Pp, v, Si, K))
        xs = xp + K @ v
        P = (I - K @ H) @ Pp
        J += 0.5 * (v @ Si @ v + np.linalg.slogdet(S)[1])

    adj_F = np.zeros((n, n))
    adj_H = np.zeros((m, n))
    adj_Q = np.zeros((n, n))
    adj_R = np.zeros((m, m))
    adj_x = np.zeros(n)
    adj_P = np.zeros((n, n))
    for k in range(N - 1, -1, -1):
        xs, P, xp, Pp, v, Si, K = hist[k]
        e = Si @ v

        # P = (I - K H) Pp
        adj_KH = -adj_P @ Pp.T
        adj_K = adj_KH @ H.T
        adj_H += K.T @ adj_KH
        adj_Pp = (I - K @ H).T @ adj_P

        # x = xp + K v
        adj_xp = adj_x.copy()
        adj_K += np.outer(adj_x, v)
        adj_v = K.T @ adj_x

        # K = Pp H' Si
        adj_Pp += adj_K @ Si.T @ H
        adj_H += Si @ adj_K.T @ Pp
        adj_Si = H @ Pp.T @ adj_K

        # likelihood
        adj_v += e
        adj_S = 0.5 * (Si - np.outer(e, e)) - Si.T @ adj_Si @ Si.T

        # S = H Pp H' + R
        adj_R += adj_S
        adj_Pp += H.T @ adj_S @ H
        adj_H += adj_S @ H @ Pp.T + adj_S.T @ H @ Pp

        # v = y - H xp
        adj_H -= np.outer(adj_v, xp)
        adj_xp -= H.T @ adj_v

        # Pp = F P F' + Q
        adj_Q += adj_Pp
        adj_F += adj_Pp @ F @ P.T + adj_Pp.T @ F @ P
        adj_P = F.T @ adj_Pp @ F

        # xp = F x
        adj_F += np.outer(adj_xp, xs)
        adj_x = F.T @ adj_xp

    g = np.concatenate([adj_F.ravel(),
                        adj_H.ravel(),
                        np.diag(adj_Q) * np.exp(lq),
                        np.diag(adj_R) * np.exp(lr),
                        adj_x])
    return J, g


def make_problem(n_state=3, n_meas=2, N=6):
    rng = np.random.default_rng(n_state + 10 * n_meas + 100 * N)
    t = np.arange(N)[:, None]
    Y = np.sin(0.5 * t + np.arange(n_meas)) + 0.3 * rng.standard_normal((N, n_meas))
    F = 0.8 * np.eye(n_state) + 0.15 * rng.standard_normal((n_state, n_state))
    H = rng.standard_normal((n_meas, n_state))
    x0 = np.concatenate([F.ravel(), H.ravel(), rng.normal(-1.0, 0.3, n_state),
                         rng.normal(-0.5, 0.3, n_meas), rng.standard_normal(n_state)])
    return kalman_cost, x0, (Y, n_state, 1.5)
