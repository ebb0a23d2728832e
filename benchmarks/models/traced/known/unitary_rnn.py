"""Unitary evolution RNN: phases, a reflection and the FFT in turn, modReLU, real readout of the last state."""
import numpy as np

STYLE = "deep learning researcher: parameter dict, cache of tuples per step, conjugate gradients d/dRe + i d/dIm"


def unflatten(theta, sizes):
    n, n_in, n_out = sizes
    p, k = {}, 0
    for name, shape in [("omega1", (n,)), ("omega2", (n,)), ("r_re", (n,)), ("r_im", (n,)),
                        ("V_re", (n, n_in)), ("V_im", (n, n_in)), ("bias", (n,)),
                        ("U", (n_out, 2 * n)), ("c", (n_out,))]:
        size = int(np.prod(shape))
        p[name] = theta[k:k + size].reshape(shape)
        k += size
    return p


def modrelu(z, b, eps=0.05):
    """Smooth modReLU: the modulus goes through softplus, the phase stays."""
    mod = np.sqrt(np.abs(z) ** 2 + eps)
    scale = np.log1p(np.exp(mod + b)) / mod
    return scale * z, (mod, scale)


def modrelu_backward(dh, z, b, cache):
    mod, scale = cache
    sig = 1.0 / (1.0 + np.exp(-(mod + b)))
    inner = np.real(np.conj(z) * dh)
    db = inner * sig / mod
    dscale = (sig - scale) / mod
    dz = scale * dh + inner * dscale * z / mod
    return dz, db


def loss_and_grads(theta, xs, ys, sizes):
    n = sizes[0]
    p = unflatten(theta, sizes)
    D1, D2 = np.exp(1j * p["omega1"]), np.exp(1j * p["omega2"])
    r = p["r_re"] + 1j * p["r_im"]
    norm2 = np.real(np.vdot(r, r))
    V = p["V_re"] + 1j * p["V_im"]

    T, B = xs.shape[0], xs.shape[1]
    h = np.full((B, n), 0.3 + 0.1j)
    caches = []
    for t in range(T):
        h_in = h
        a = h_in * D1
        f = np.fft.fft(a, axis=1)
        proj = f @ np.conj(r)
        q = f - 2.0 * np.outer(proj, r) / norm2
        w = q * D2
        rec = np.fft.ifft(w, axis=1)
        z = rec + xs[t] @ V.T
        h, mod_cache = modrelu(z, p["bias"])
        caches.append((h_in, a, f, proj, q, w, z, mod_cache))

    hr = np.concatenate([h.real, h.imag], axis=1)
    out = hr @ p["U"].T + p["c"]
    err = out - ys
    loss = 0.5 * np.sum(err ** 2) / B

    g = {name: np.zeros_like(value) for name, value in p.items()}
    dout = err / B
    g["U"] += dout.T @ hr
    g["c"] += dout.sum(axis=0)
    dhr = dout @ p["U"]
    dh = dhr[:, :n] + 1j * dhr[:, n:]
    dD1, dD2, dr = np.zeros(n, complex), np.zeros(n, complex), np.zeros(n, complex)
    dV = np.zeros_like(V)
    for t in reversed(range(T)):
        h_in, a, f, proj, q, w, z, mod_cache = caches[t]
        dz, db = modrelu_backward(dh, z, p["bias"], mod_cache)
        g["bias"] += db.sum(axis=0)
        dV += dz.T @ xs[t]
        dw = np.fft.fft(dz, axis=1) / n
        dD2 += np.sum(dw * np.conj(q), axis=0)
        dq = dw * np.conj(D2)
        # q = f - 2 (f . r*) r / |r|^2
        dproj = -2.0 * (dq @ np.conj(r)) / norm2
        df = dq + np.outer(dproj, r)
        dr += -2.0 * np.conj(proj) @ dq / norm2
        dr += np.conj(dproj) @ f
        dnorm2 = 2.0 * np.real(np.sum(np.conj(dq) * np.outer(proj, r))) / norm2 ** 2
        dr += 2.0 * dnorm2 * r
        da = np.fft.ifft(df, axis=1) * n
        dD1 += np.sum(da * np.conj(h_in), axis=0)
        dh = da * np.conj(D1)

    g["omega1"] += np.real(np.conj(1j * D1) * dD1)
    g["omega2"] += np.real(np.conj(1j * D2) * dD2)
    g["r_re"] += dr.real
    g["r_im"] += dr.imag
    g["V_re"] += dV.real
    g["V_im"] += dV.imag
    return loss, np.concatenate([g[name].ravel() for name in p])


def make_problem(n_hidden=4, n_in=2, n_out=3, steps=3, batch=2):
    n = max(n_hidden, 2)
    rng = np.random.default_rng([n, n_in, n_out, steps, batch])
    xs = rng.normal(size=(max(steps, 1), batch, n_in))
    ys = rng.normal(size=(batch, n_out))
    size = 5 * n + 2 * n * n_in + n_out * 2 * n + n_out
    return loss_and_grads, 0.7 * rng.normal(size=size), (xs, ys, (n, n_in, n_out))
