"""Svensson yield curve fitted to coupon-bond prices, errors weighted by duration."""
import numpy as np

STYLE = "quant analyst, closures, scalar loops over cash flows"


def make_problem(n_bonds=6, n_years=5):
    rng = np.random.default_rng(2008)

    # cash flows: coupon every half year, redemption with the last one
    bonds = []
    for b in range(n_bonds):
        maturity = 0.7 + n_years * (b + 1) / n_bonds
        coupon = rng.uniform(1.0, 6.0)
        times = np.arange(maturity, 0, -0.5)[::-1]
        flows = np.full(times.size, coupon / 2)
        flows[-1] += 100
        bonds.append((times, flows))

    def loadings(t, tau):
        z = t / tau
        slope = (1 - np.exp(-z)) / z
        return slope, slope - np.exp(-z)

    def spot(par, t):
        b0, b1, b2, b3 = par[:4]
        tau1, tau2 = np.exp(par[4:])
        s1, h1 = loadings(t, tau1)
        _, h2 = loadings(t, tau2)
        return (b0 + b1 * s1 + b2 * h1 + b3 * h2) / 100

    def price(par, bond):
        t, cf = bond
        return np.sum(cf * np.exp(-spot(par, t) * t))

    true = np.array([4.2, -2.0, 1.5, -1.0, np.log(1.4), np.log(4.0)])
    market = np.array([price(true, b) for b in bonds]) + 0.2 * rng.standard_normal(n_bonds)
    duration = np.array([np.sum(t * cf) / np.sum(cf) for t, cf in bonds])

    def spot_gradient(par, t):
        b1, b2, b3 = par[1:4]
        tau1, tau2 = np.exp(par[4:])
        s1, h1 = loadings(t, tau1)
        s2, h2 = loadings(t, tau2)
        z1, z2 = t / tau1, t / tau2
        # d slope / dz = -hump / z ,  d hump / dz = exp(-z) - hump / z
        ds1 = -h1 / z1
        dh1 = np.exp(-z1) - h1 / z1
        dh2 = np.exp(-z2) - h2 / z2
        dtau1 = (b1 * ds1 + b2 * dh1) * (-t / tau1 ** 2)
        dtau2 = b3 * dh2 * (-t / tau2 ** 2)
        return np.array([np.ones_like(t), s1, h1, h2, dtau1 * tau1, dtau2 * tau2]) / 100

    def objective(par):
        total = 0.0
        grad = np.zeros(6)
        for bond, p_mkt, dur in zip(bonds, market, duration):
            t, cf = bond
            err = price(par, bond) - p_mkt
            total += (err / dur) ** 2
            dprice = np.zeros(6)
            dy = spot_gradient(par, t)
            for k in range(len(t)):
                disc = np.exp(-spot(par, t[k]) * t[k])
                dprice += -t[k] * cf[k] * disc * dy[:, k]
            grad += 2 * err / dur ** 2 * dprice
        # keep the two decay times apart from silly values
        total += 0.1 * np.sum((par[4:] - np.log([1.0, 5.0])) ** 2)
        grad[4:] += 0.2 * (par[4:] - np.log([1.0, 5.0]))
        return total, grad

    return objective, np.array([3.8, -1.5, 1.0, -0.5, 0.1, 1.2])
