"""One-dimensional ptychography: object and probe (complex) from far-field amplitudes at several shifts."""
import numpy as np

STYLE = "optics PhD student: complex fields, Wirtinger gradients, psi/Psi/chi names, one-letter helpers"

F = lambda u: np.fft.fft(u, norm='ortho')
Fh = lambda U: np.fft.ifft(U, norm='ortho')


def c2r(z):
    return np.r_[z.real, z.imag]


def r2c(v):
    h = v.size // 2
    return v[:h] + 1j * v[h:]


def lens(m, z):
    """quadratic phase of a defocus z over the probe window, and its derivative"""
    xx = (np.arange(m) - (m - 1) / 2) ** 2 / m
    q = np.exp(1j * z * xx)
    return q, 1j * xx * q


def ptycho(v, I, shifts, n, m, eps, mu):
    O = r2c(v[:2 * n])
    P = r2c(v[2 * n:2 * n + 2 * m])
    z, bg = v[-2], v[-1]
    q, dq = lens(m, z)
    Pz = P * q

    gO = np.zeros(n, complex)
    gPz = np.zeros(m, complex)
    gbg = 0.0
    f = 0.0
    for k, s in enumerate(shifts):
        idx = (s + np.arange(m)) % n
        psi = Pz * O[idx]
        Psi = F(psi)
        mod = np.sqrt(np.abs(Psi)**2 + bg**2 + eps)
        d = mod - np.sqrt(I[k])
        f += 0.5 * np.sum(d**2)
        # back through the modulus, gradient as d/dRe + i d/dIm
        chi = d / mod * Psi
        gbg += np.sum(d / mod) * bg
        gpsi = Fh(chi)
        gPz += np.conj(O[idx]) * gpsi
        np.add.at(gO, idx, np.conj(Pz) * gpsi)

    # lens
    gP = np.conj(q) * gPz
    gz = np.sum(np.real(np.conj(P * dq) * gPz))

    # smooth object: periodic first differences
    D = np.roll(O, -1) - O
    f += 0.5 * mu * np.sum(np.abs(D)**2)
    gO += mu * (np.roll(D, 1) - D)
    return f, np.r_[c2r(gO), c2r(gP), gz, gbg]


def make_problem(n=11, m=6, K=4):
    n, m = max(n, 4), max(m, 3)
    m = min(m, n)
    rng = np.random.default_rng([n, m, K])
    O = np.exp(1j * rng.uniform(-1, 1, n)) * rng.uniform(.5, 1., n)
    P = np.exp(-((np.arange(m) - m / 2) / m)**2) * np.exp(.3j * np.arange(m))
    shifts = [int(s) for s in rng.integers(0, n, K)]
    I = np.array([np.abs(F(P * O[(s + np.arange(m)) % n]))**2 for s in shifts]) + .01
    v0 = np.r_[c2r(O + .4 * (rng.normal(size=n) + 1j * rng.normal(size=n))),
               c2r(P + .3 * (rng.normal(size=m) + 1j * rng.normal(size=m))), .4, .3]
    return ptycho, v0, (I, shifts, n, m, 1e-2, .15)
