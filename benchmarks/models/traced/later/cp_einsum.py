"""Poisson CP decomposition of a count tensor (site x species x month) with missing cells."""
import numpy as np

STYLE = "ecologist / chemometrics, einsum, log-parametrised factors"


def unpack(v, shape, R):
    out, k = [], 0
    for n in shape:
        out.append(v[k:k + n * R].reshape(n, R))
        k += n * R
    return out


def objective(v, Y, seen, effort, R, smooth, ridge):
    a, b, c = unpack(v, Y.shape, R)
    A, B, C = np.exp(a), np.exp(b), np.exp(c)

    rate = np.einsum('ir,jr,kr->ijk', A, B, C)
    lam = effort[:, None, None] * rate
    nll = np.sum(seen * (lam - Y * np.log(lam)))

    # residual on the rate scale
    dlam = seen * (1 - Y / lam)
    drate = effort[:, None, None] * dlam
    dA = np.einsum('ijk,jr,kr->ir', drate, B, C)
    dB = np.einsum('ijk,ir,kr->jr', drate, A, C)
    dC = np.einsum('ijk,ir,jr->kr', drate, A, B)
    ga = A * dA
    gb = B * dB
    gc = C * dC

    # months go around the year, so the difference is cyclic
    diff = np.roll(c, -1, axis=0) - c
    nll += 0.5 * smooth * np.sum(diff ** 2)
    gc += smooth * (np.roll(diff, 1, axis=0) - diff)

    # ridge on site and species factors, columns of b also centred
    mb = b.mean(axis=0)
    nll += 0.5 * ridge * (np.sum(a ** 2) + np.sum((b - mb) ** 2)) + 2 * np.sum(mb ** 2)
    ga += ridge * a
    gb += ridge * (b - mb) + 4 * mb / len(b)
    return nll, np.concatenate([g.ravel() for g in (ga, gb, gc)])


def make_problem(sites=4, species=5, months=6, rank=2):
    rng = np.random.default_rng(15)
    Y = rng.poisson(3.0, size=(sites, species, months)).astype(float)
    seen = (rng.random(Y.shape) < 0.8).astype(float)
    effort = rng.uniform(0.5, 2.0, size=sites)
    v = 0.4 * rng.standard_normal((sites + species + months) * rank)
    return objective, v, (Y, seen, effort, rank, 1.5, 0.4)
