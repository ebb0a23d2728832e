"""Soft-core Lennard-Jones mixture in a periodic cell: enthalpy of positions, box and parameters."""
from typing import NamedTuple

import numpy as np

STYLE = "molecular dynamics person: NamedTuple state, double pair loop, half list, virial per axis, switching"


class State(NamedTuple):
    frac: np.ndarray        # fractional coordinates, N x 3
    lbox: np.ndarray        # log edge lengths
    leps: np.ndarray        # log well depth per species
    lsig: np.ndarray        # log diameter per species


def switch(r2, r2on, r2off):
    """S(r^2) goes from 1 to 0 with two continuous derivatives; returns S and dS/d(r^2)."""
    if r2 <= r2on:
        return 1.0, 0.0
    u = (r2 - r2on) / (r2off - r2on)
    s = 1.0 - u * u * u * (10.0 - u * (15.0 - 6.0 * u))
    ds = -30.0 * u * u * (1.0 - u) ** 2
    return s, ds / (r2off - r2on)


def enthalpy(st, species, pressure, ron, roff, alpha):
    box = np.exp(st.lbox)
    eps, sig = np.exp(st.leps), np.exp(st.lsig)
    n = len(species)
    vol = np.prod(box)

    energy = pressure * vol
    force = np.zeros((n, 3))
    virial = np.zeros(3)
    deps = np.zeros_like(eps)
    dsig = np.zeros_like(sig)

    for i in range(n - 1):
        for j in range(i + 1, n):
            ds = st.frac[i] - st.frac[j]
            ds = ds - np.round(ds)
            rij = ds * box
            r2 = rij @ rij
            if r2 >= roff * roff:
                continue
            a, b = species[i], species[j]
            # Lorentz-Berthelot
            e = np.sqrt(eps[a] * eps[b])
            s = 0.5 * (sig[a] + sig[b])
            q6 = (r2 / (s * s)) ** 3
            x6 = 1.0 / (alpha + q6)
            x12 = x6 * x6
            sw, dsw = switch(r2, ron * ron, roff * roff)
            pair = 4.0 * e * (x12 - x6)
            energy += sw * pair

            w = sw * 24.0 * e * (2.0 * x6 - 1.0) * x12 * q6
            fr = w / r2 - 2.0 * dsw * pair
            fij = fr * rij
            force[i] += fij
            force[j] -= fij
            virial += fij * rij

            half = 0.5 * sw * pair
            deps[a] += half / eps[a]
            deps[b] += half / eps[b]
            ds_ = 0.5 * w / s
            dsig[a] += ds_
            dsig[b] += ds_

    return energy, State(frac=-force * box,
                         lbox=pressure * vol - virial,
                         leps=deps * eps,
                         lsig=dsig * sig)


def make_problem(n_atoms=8, n_species=2):
    rng = np.random.default_rng(50 * n_atoms + n_species)
    corners = np.array([(i, j, k) for i in range(2) for j in range(2) for k in range(2)])
    frac = 0.15 + 0.34 * corners[:n_atoms] + rng.uniform(-0.03, 0.03, (min(n_atoms, 8), 3))
    species = np.arange(len(frac)) % n_species
    st = State(frac=frac, lbox=np.log(np.array([3.4, 3.5, 3.6])),
               leps=rng.normal(0.1, 0.2, n_species), lsig=rng.normal(0.15, 0.06, n_species))
    # minimum image: roff stays below half the shortest edge
    return enthalpy, st, (species, 0.6, 1.1, 1.65, 0.3)
