"""Blind deconvolution of a stellar field: image and point spread function from several noisy frames, via FFT."""
import numpy as np
from numpy.fft import fft2, ifft2

STYLE = "complex FFT, dict of images, Fourier-domain regulariser"


def make_problem(rows=5, cols=4, frames=2):
    ksize = 3
    R, C = rows + ksize - 1, cols + ksize - 1          # padded, so nothing wraps
    rng = np.random.default_rng(1990)

    fy = np.fft.fftfreq(R)[:, None]
    fx = np.fft.fftfreq(C)[None, :]
    ky2 = 4 * np.sin(np.pi * fy) ** 2 + 4 * np.sin(np.pi * fx) ** 2     # -Laplacian
    alpha, gamma = 0.05, 0.2

    def pad(a):
        out = np.zeros((R, C))
        out[:a.shape[0], :a.shape[1]] = a
        return out

    shifts = rng.uniform(-1, 1, (frames, 2))
    ramps = np.exp(-2j * np.pi * (shifts[:, 0, None, None] * fy + shifts[:, 1, None, None] * fx))
    # Nyquist rows carry no sub-pixel shift
    if R % 2 == 0:
        ramps[:, R // 2, :] = 0.5
    if C % 2 == 0:
        ramps[:, :, C // 2] = 0.5
    data = rng.random((frames, R, C))
    noise = 0.5 + rng.random((frames, R, C))

    def fun(q):
        img = np.exp(q['logimg'])
        # psf: softmax of logits, sums to one
        z = np.exp(q['psf'] - q['psf'].max())
        psf = z / z.sum()
        gain = q['gain']

        Fi, Fp = fft2(pad(img)), fft2(pad(psf))
        blur = Fi * Fp
        cost = 0.0
        Gblur = np.zeros((R, C), complex)
        dgain = np.zeros(frames)
        for k in range(frames):
            scene = ifft2(ramps[k] * blur).real
            res = (gain[k] * scene - data[k]) / noise[k]
            cost += 0.5 * np.sum(res ** 2)
            dmodel = res / noise[k]
            dgain[k] = np.sum(dmodel * scene)
            Gblur += np.conj(ramps[k]) * fft2(gain[k] * dmodel)

        # sobolev penalty on the image, ridge pulling the gains to one
        cost += 0.5 * alpha * np.sum(ky2 * np.abs(Fi) ** 2) / (R * C)
        cost += 0.5 * gamma * np.sum((gain - 1) ** 2)
        dgain += gamma * (gain - 1)

        Gi = np.conj(Fp) * Gblur
        Gi += alpha * ky2 * Fi
        Gp = np.conj(Fi) * Gblur
        dimg = ifft2(Gi).real[:rows, :cols]
        dpsf = ifft2(Gp).real[:ksize, :ksize]
        dz = psf * (dpsf - np.sum(psf * dpsf))
        return cost, {'logimg': dimg * img, 'psf': dz, 'gain': dgain}

    x0 = {'logimg': rng.normal(-0.3, 0.5, (rows, cols)),
          'psf': rng.normal(0, 0.6, (ksize, ksize)),
          'gain': rng.uniform(0.8, 1.3, frames)}
    return fun, x0
