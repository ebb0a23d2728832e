# Local linear trend / AR state space model: prediction error decomposition,
# derivatives of the filter propagated next to the filter itself.
import numpy as np

STYLE = "Kalman filter, derivative recursions per parameter"


def system_matrices(par, k):
    """Transition F, state noise Q, measurement noise R, and the derivative of each for every parameter."""
    F = np.eye(k)
    F[0, 1:] = 1.0
    F[:, -1] = np.tanh(par[0])
    Q = np.diag(np.exp(par[1 : 1 + k]))
    R = np.exp(par[1 + k])
    npar = k + 2
    dF = np.zeros((npar, k, k))
    dQ = np.zeros((npar, k, k))
    dR = np.zeros(npar)
    dF[0, :, -1] = 1.0 - np.tanh(par[0]) ** 2
    for j in range(k):
        dQ[1 + j, j, j] = np.exp(par[1 + j])
    dR[1 + k] = R
    return F, Q, R, dF, dQ, dR


def kalman_nll(par, y, k):
    F, Q, R, dF, dQ, dR = system_matrices(par, k)
    npar = len(par)
    H = np.zeros(k)
    H[0] = 1.0
    a = np.ones(k)
    P = 2.0 * np.eye(k)
    da = np.zeros((npar, k))
    dP = np.zeros((npar, k, k))
    nll = 0.0
    grad = np.zeros(npar)

    for obs in y:
        # innovation
        v = obs - H @ a
        S = H @ P @ H + R
        K = P @ H / S
        nll += 0.5 * (np.log(2 * np.pi * S) + v * v / S)

        # the update step, kept for after the derivatives
        a_up = a + K * v
        P_up = P - np.outer(K, K) * S

        for j in range(npar):
            dv = -H @ da[j]
            dS = H @ dP[j] @ H + dR[j]
            grad[j] += 0.5 * dS / S
            grad[j] += v * dv / S
            grad[j] -= 0.5 * v * v * dS / S ** 2
            dK = dP[j] @ H / S - K * dS / S
            da_up = da[j] + dK * v + K * dv
            dP_up = dP[j] - np.outer(dK, K) * S - np.outer(K, dK) * S - np.outer(K, K) * dS
            da[j] = dF[j] @ a_up + F @ da_up
            dP[j] = dF[j] @ P_up @ F.T + F @ dP_up @ F.T + F @ P_up @ dF[j].T + dQ[j]

        a = F @ a_up
        P = F @ P_up @ F.T + Q
    return nll, grad


def make_problem(n_state=3, n_obs=5):
    rng = np.random.default_rng([n_state, n_obs])
    y = np.cumsum(rng.standard_normal(n_obs))
    par = 0.5 * rng.standard_normal(n_state + 2)
    return kalman_nll, par, (y, n_state)
