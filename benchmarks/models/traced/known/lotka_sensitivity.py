"""Lotka-Volterra fit: classical Runge-Kutta on the state and its sensitivity matrix together."""
import numpy as np

STYLE = "ODE forward sensitivities, RK4 on augmented state, jacobian functions"


def rhs(y, p):
    prey, pred = y
    return np.array([p[0] * prey - p[1] * prey * pred, p[2] * prey * pred - p[3] * pred])


def jac_y(y, p):
    prey, pred = y
    return np.array([[p[0] - p[1] * pred, -p[1] * prey],
                     [p[2] * pred, p[2] * prey - p[3]]])


def jac_p(y, p):
    prey, pred = y
    return np.array([[prey, -prey * pred, 0, 0],
                     [0, 0, prey * pred, -pred]])


def sens_rhs(y, S, p):
    dS = jac_y(y, p) @ S
    dS[:, 2:] += jac_p(y, p)
    return dS


def rk4(y, S, p, h):
    k1 = rhs(y, p)
    l1 = sens_rhs(y, S, p)
    k2 = rhs(y + h / 2 * k1, p)
    l2 = sens_rhs(y + h / 2 * k1, S + h / 2 * l1, p)
    k3 = rhs(y + h / 2 * k2, p)
    l3 = sens_rhs(y + h / 2 * k2, S + h / 2 * l2, p)
    k4 = rhs(y + h * k3, p)
    l4 = sens_rhs(y + h * k3, S + h * l3, p)
    y_new = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
    S_new = S + h / 6 * (l1 + 2 * l2 + 2 * l3 + l4)
    return y_new, S_new


def sum_of_squares(theta, data, h):
    y = np.exp(theta[:2])
    p = np.exp(theta[2:])
    S = np.zeros((2, 6))
    S[0, 0] = S[1, 1] = 1.0
    ssq = 0.0
    grad = np.zeros(6)
    for obs in data:
        y, S = rk4(y, S, p, h)
        res = np.log(y) - obs
        ssq += res @ res
        grad += 2 * (res / y) @ S
    grad *= np.exp(theta)
    return ssq, grad


def make_problem(n_obs=5):
    rng = np.random.default_rng(n_obs)
    data = 0.5 * rng.standard_normal((n_obs, 2))
    return sum_of_squares, 0.3 * rng.standard_normal(6), (data, 0.2)
