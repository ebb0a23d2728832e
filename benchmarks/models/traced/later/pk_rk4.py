"""Population pharmacokinetics: oral dose, two compartments, saturable elimination, RK4 and its discrete adjoint."""
import numpy as np

STYLE = "module-level helpers with _vjp suffixes, RK4 adjoint"


def rates(y, th):
    ka, vm, km, k12, k21 = th
    gut, cen, per = y
    elim = vm * cen / (km + cen)
    return np.array([
        -ka * gut,
        ka * gut - elim - k12 * cen + k21 * per,
        k12 * cen - k21 * per,
    ])


def rates_vjp(y, th, w):
    """w' d rates / d y,  w' d rates / d th"""
    ka, vm, km, k12, k21 = th
    gut, cen, per = y
    hill = cen / (km + cen)
    dcen = vm * km / (km + cen) ** 2
    ybar = np.array([
        ka * (w[1] - w[0]),
        -w[1] * dcen + k12 * (w[2] - w[1]),
        k21 * (w[1] - w[2]),
    ])
    thbar = np.array([
        gut * (w[1] - w[0]),
        -w[1] * hill,
        w[1] * vm * cen / (km + cen) ** 2,
        cen * (w[2] - w[1]),
        per * (w[1] - w[2]),
    ])
    return ybar, thbar


def rk4_step(y, th, h):
    k1 = rates(y, th)
    k2 = rates(y + h / 2 * k1, th)
    k3 = rates(y + h / 2 * k2, th)
    k4 = rates(y + h * k3, th)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def rk4_step_vjp(y, th, h, w):
    k1 = rates(y, th)
    k2 = rates(y + h / 2 * k1, th)
    k3 = rates(y + h / 2 * k2, th)
    a4, t4 = rates_vjp(y + h * k3, th, h / 6 * w)
    a3, t3 = rates_vjp(y + h / 2 * k2, th, h / 3 * w + h * a4)
    a2, t2 = rates_vjp(y + h / 2 * k1, th, h / 3 * w + h / 2 * a3)
    a1, t1 = rates_vjp(y, th, h / 6 * w + h / 2 * a2)
    return w + a1 + a2 + a3 + a4, t1 + t2 + t3 + t4


def solve(th, dose, h, nsteps):
    ys = [np.array([dose, 0.0, 0.0])]
    for _ in range(nsteps):
        ys.append(rk4_step(ys[-1], th, h))
    return ys


def solve_vjp(ys, th, h, ybars):
    """ybars[t]: cotangent of the state after t steps"""
    w = np.zeros(3)
    thbar = np.zeros(len(th))
    for t in range(len(ys) - 1, 0, -1):
        w = w + ybars[t]
        w, tb = rk4_step_vjp(ys[t - 1], th, h, w)
        thbar += tb
    return thbar


def make_problem(n_subj=3, n_steps=6):
    rng = np.random.default_rng(1972)
    doses = 1.0 + rng.random(n_subj)
    obs = 0.3 + 0.2 * rng.standard_normal((n_subj, n_steps)) ** 2
    omega = np.array([0.4, 0.3, 0.5, 0.3, 0.3])
    h, logv, sig = 0.5, np.log(0.8), 0.25

    def objective(p):
        # p: population log parameters (5,), then one row of random effects per subject
        pop, eta = p[:5], p[5:].reshape(n_subj, 5)
        nll = 0.5 * np.sum((eta / omega) ** 2)
        g_eta = eta / omega ** 2
        g_pop = np.zeros(5)
        for s in range(n_subj):
            th = np.exp(pop + eta[s])
            ys = solve(th, doses[s], h, n_steps)
            ybars = [np.zeros(3) for _ in ys]
            for t in range(1, n_steps + 1):
                res = np.log(ys[t][1]) - logv - np.log(obs[s, t - 1])
                nll += 0.5 * (res / sig) ** 2
                ybars[t][1] = res / sig ** 2 / ys[t][1]
            g = solve_vjp(ys, th, h, ybars) * th
            g_eta[s] += g
            g_pop += g
        return nll, np.concatenate([g_pop, g_eta.ravel()])

    pop0 = np.log([1.3, 0.7, 0.5, 0.4, 0.3])
    return objective, np.concatenate([pop0, 0.2 * rng.standard_normal(5 * n_subj)])
