"""Strong-constraint 4D-Var for Lorenz-96: initial state and forcing, RK4 model and its hand-coded adjoint."""
import numpy as np

STYLE = "meteorologist, model / adjoint routines with _ad variables"


def tendency(x, F):
    return (np.roll(x, -1) - np.roll(x, 2)) * np.roll(x, 1) - x + F


def tendency_ad(x, dx_ad):
    """adjoint of the tendency: returns x_ad, F_ad"""
    x_ad = -dx_ad
    # term x[i+1] * x[i-1]
    x_ad = x_ad + np.roll(dx_ad * np.roll(x, 1), 1)
    # term -x[i-2] * x[i-1]
    x_ad = x_ad - np.roll(dx_ad * np.roll(x, 1), -2)
    # the factor x[i-1] itself
    x_ad = x_ad + np.roll(dx_ad * (np.roll(x, -1) - np.roll(x, 2)), -1)
    return x_ad, dx_ad.sum()


def step(x, F, dt):
    k1 = tendency(x, F)
    k2 = tendency(x + 0.5 * dt * k1, F)
    k3 = tendency(x + 0.5 * dt * k2, F)
    k4 = tendency(x + dt * k3, F)
    return x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def step_ad(x, F, dt, xnew_ad):
    # recompute the stages
    k1 = tendency(x, F)
    x2 = x + 0.5 * dt * k1
    k2 = tendency(x2, F)
    x3 = x + 0.5 * dt * k2
    k3 = tendency(x3, F)
    x4 = x + dt * k3

    x_ad = xnew_ad.copy()
    k4_ad = dt / 6 * xnew_ad
    x4_ad, f4 = tendency_ad(x4, k4_ad)
    x_ad += x4_ad
    k3_ad = dt / 3 * xnew_ad + dt * x4_ad
    x3_ad, f3 = tendency_ad(x3, k3_ad)
    x_ad += x3_ad
    k2_ad = dt / 3 * xnew_ad + 0.5 * dt * x3_ad
    x2_ad, f2 = tendency_ad(x2, k2_ad)
    x_ad += x2_ad
    k1_ad = dt / 6 * xnew_ad + 0.5 * dt * x2_ad
    x1_ad, f1 = tendency_ad(x, k1_ad)
    x_ad += x1_ad
    return x_ad, f1 + f2 + f3 + f4


def fourdvar(ctrl, xb, Binv, Fb, obs, every, r, dt):
    x0, F = ctrl[:-1], ctrl[-1]
    nsteps = every * len(obs)
    traj = [x0]
    for n in range(nsteps):
        traj.append(step(traj[n], F, dt))

    # background
    J = 0.5 * (x0 - xb) @ Binv @ (x0 - xb) + 0.5 * ((F - Fb) / 0.5) ** 2
    # observations of every second variable, wind-speed like operator sqrt(1 + x^2)
    for m in range(len(obs)):
        x = traj[every * (m + 1)][::2]
        J += 0.5 * np.sum((np.sqrt(1 + x ** 2) - obs[m]) ** 2) / r ** 2

    x_ad = np.zeros_like(x0)
    F_ad = 0.0
    for n in range(nsteps, 0, -1):
        if n % every == 0:
            x = traj[n][::2]
            hx = np.sqrt(1 + x ** 2)
            x_ad[::2] += (hx - obs[n // every - 1]) / r ** 2 * x / hx
        x_ad, f_ad = step_ad(traj[n - 1], F, dt, x_ad)
        F_ad += f_ad
    x_ad = x_ad + Binv @ (x0 - xb)
    F_ad = F_ad + (F - Fb) / 0.5 ** 2
    return J, np.append(x_ad, F_ad)


def make_problem(n_var=7, n_obs=3, every=2):
    rng = np.random.default_rng(1996)
    xb = 3 + 2 * rng.standard_normal(n_var)
    i = np.arange(n_var)
    B = 0.5 * np.exp(-np.abs(i[:, None] - i[None, :]) / 1.5)
    obs = 2 + 2 * rng.random((n_obs, (n_var + 1) // 2))
    ctrl = np.append(xb + 0.4 * rng.standard_normal(n_var), 7.5)
    return fourdvar, ctrl, (xb, np.linalg.inv(B), 8.0, obs, every, 0.7, 0.05)
