"""Damped complex exponentials fitted to an NMR free induction decay, partly in the spectrum."""
from numpy import (abs, append, arange, array, conj, cos, exp, imag, log, pi, real, roll, sin, sqrt,
                   stack, vdot, zeros)
from numpy.fft import fft, ifft
from numpy.random import default_rng

STYLE = "spectroscopist: star imports by name, physical names, one resonance after the other"


class FID(object):
    """s(t) = exp(i ph0) sum_k A_k exp((2 pi i nu_k - R_k)(t + t0)) with R_k = exp(lnR_k)"""

    def __init__(self, signal, dwell, weights, noise, lam):
        self.signal = signal
        self.t = dwell * arange(signal.size)
        self.npts = signal.size
        self.weights = weights
        self.noise = noise
        self.lam = lam
        self.target = fft(signal * self.apodise())

    def apodise(self):
        return exp(-1.5 * self.t / self.t[-1])

    def model(self, x):
        ph0, t0 = x[0], x[1]
        self.lines = []
        total = zeros(self.npts, dtype=complex)
        for amp, nu, lnR in x[2:].reshape(-1, 3):
            R = exp(lnR)
            z = 2j * pi * nu - R
            e = exp(z * (self.t + t0))
            self.lines.append((amp, z, R, e))
            total = total + amp * e
        self.rot = exp(1j * ph0)
        self.total = total
        return self.rot * total

    def __call__(self, x):
        s = self.model(x)
        res = s - self.signal
        chi2 = 0.5 * real(vdot(res, res)) / self.noise ** 2
        win = self.apodise()
        S = fft(s * win)
        dS = S - self.target
        mag = sqrt(abs(dS) ** 2 + 1.0)
        spec = (self.weights * mag).sum() / self.npts
        # phase coherence of neighbouring points of the fit
        nxt = roll(s, -1)
        cross = conj(s) * nxt
        coh = self.lam * imag(cross).sum()
        f = chi2 + spec - coh

        # back
        gs = res / self.noise ** 2
        gS = self.weights * dS / mag / self.npts
        gs = gs + ifft(gS) * self.npts * win
        gcross = -1j * self.lam
        gs = gs + conj(gcross) * nxt
        gs = gs + roll(gcross * s, 1)
        grad = zeros(x.size)
        grad[0] = imag(vdot(s, gs))
        gtotal = conj(self.rot) * gs
        for k, (amp, z, R, e) in enumerate(self.lines):
            ge = amp * gtotal
            gz = vdot(e * (self.t + x[1]), ge)
            grad[1] += real(conj(z) * vdot(e, ge))
            grad[2 + 3 * k] = real(vdot(e, gtotal))
            grad[3 + 3 * k] = 2 * pi * imag(gz)
            grad[4 + 3 * k] = -R * real(gz)
        return f, grad


def make_problem(npts=8, resonances=3):
    npts = max(npts, 5)
    rng = default_rng([npts, resonances])
    t = 0.1 * arange(npts)
    truth = zeros(npts, dtype=complex)
    start = [0.3, 0.04]
    for k in range(resonances):
        amp, nu, rate = rng.uniform(0.5, 2), rng.uniform(-3, 3), rng.uniform(0.5, 2)
        truth = truth + amp * exp((2j * pi * nu - rate) * t)
        start += [amp + 0.3, nu + 0.2, log(rate) - 0.3]
    noise = rng.standard_normal(npts) + 1j * rng.standard_normal(npts)
    weights = 1 + cos(arange(npts)) ** 2
    return FID(truth + 0.1 * noise, 0.1, weights, 0.8, 0.2), array(start)
