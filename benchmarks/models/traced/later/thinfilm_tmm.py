"""Optical thin-film design: reflectance of a layer stack (transfer matrices), fit of indices and thicknesses."""
import numpy as np

STYLE = "optics, complex 2x2 characteristic matrices, prefix/suffix products"


def make_problem(n_layers=4, n_lambda=5):
    rng = np.random.default_rng(1950)
    wl = np.linspace(0.45, 0.75, n_lambda)            # microns
    n_air, n_sub = 1.0, 1.52 - 0.02j
    target = 0.15 + 0.5*rng.random(n_lambda)
    weight = 1 + rng.random(n_lambda)
    kext = 0.01*np.arange(n_layers)                   # fixed extinction
    d_ref = 0.09
    mu = 1e-2

    def layer(n, d, lam):
        delta = 2*np.pi*n*d/lam
        c, s = np.cos(delta), np.sin(delta)
        return delta, np.array([[c, 1j*s/n], [1j*n*s, c]])

    def fun(p):
        # p = [log(n - 1) of each layer, log(d/d_ref)]
        nre = 1 + np.exp(p[:n_layers])
        d = d_ref*np.exp(p[n_layers:])
        n = nre - 1j*kext
        cost = 0.0
        gn = np.zeros(n_layers)
        gd = np.zeros(n_layers)
        for w, lam in enumerate(wl):
            delta = np.zeros(n_layers, complex)
            M = np.zeros((n_layers, 2, 2), complex)
            pre = [np.eye(2, dtype=complex)]
            for k in range(n_layers):
                delta[k], M[k] = layer(n[k], d[k], lam)
                pre.append(pre[-1] @ M[k])
            B, C = pre[-1] @ np.array([1.0, n_sub])
            den = n_air*B + C
            r = (n_air*B - C)/den
            R = abs(r)**2
            err = R - target[w]
            cost += 0.5*weight[w]*err**2

            # dcost = Re(rbar*dr), no conjugates hidden anywhere below
            rbar = weight[w]*err*2*np.conj(r)
            Bbar = rbar*(n_air/den - r*n_air/den)
            Cbar = rbar*(-1/den - r/den)
            bar = np.array([Bbar, Cbar])
            vec = np.array([1.0, n_sub])              # suffix product times exit vector
            for k in range(n_layers - 1, -1, -1):
                left = bar @ pre[k]
                G = np.outer(left, vec)               # G[i,j] = dcost/dM[i,j]
                c, s = np.cos(delta[k]), np.sin(delta[k])
                dbar = -s*(G[0, 0] + G[1, 1])
                dbar += 1j*c*(G[0, 1]/n[k] + G[1, 0]*n[k])
                nbar = 1j*s*(G[1, 0] - G[0, 1]/n[k]**2)
                nbar += dbar*2*np.pi*d[k]/lam
                gn[k] += nbar.real
                gd[k] += (dbar*2*np.pi*n[k]/lam).real
                vec = M[k] @ vec

        cost += 0.5*mu*np.sum(np.diff(nre)**2) + mu*d.sum()/d_ref
        dn = mu*np.diff(nre)
        gn[1:] += dn
        gn[:-1] -= dn
        gd += mu/d_ref
        return cost, np.concatenate([gn*(nre - 1), gd*d])

    x0 = np.concatenate([np.log(0.4 + rng.random(n_layers)), 0.3*rng.standard_normal(n_layers)])
    return fun, x0
