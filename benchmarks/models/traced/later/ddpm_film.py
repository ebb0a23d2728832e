"""DDPM noise-prediction MLP, sinusoidal time embedding modulating the hidden layer (FiLM), SNR weights."""
import numpy as np

STYLE = "diffusion hobbyist, dict cache, silu helpers"

sigm = lambda z: 1 / (1 + np.exp(-z))
silu = lambda z: z * sigm(z)


def silu_grad(z):
    s = sigm(z)
    return s + z * s * (1 - s)


def time_embedding(t, half):
    freqs = np.exp(-np.log(100.0) * np.arange(half) / half)
    return np.concatenate([np.sin(np.outer(t, freqs)), np.cos(np.outer(t, freqs))], axis=1)


def predict_noise(P, xt, temb):
    c = {'xt': xt, 'temb': temb}
    c['u'] = xt @ P['W1'] + P['b1']
    mod = temb @ P['Wt'] + P['bt']
    c['scale'], c['shift'] = np.split(mod, 2, axis=1)
    c['v'] = c['u'] * (1 + c['scale']) + c['shift']
    c['h'] = silu(c['v'])
    return c['h'] @ P['W2'] + xt * P['skip'] + P['b2'], c


def backward(P, deps, c):
    G = {}
    G['W2'] = c['h'].T @ deps
    G['b2'] = deps.sum(0)
    G['skip'] = (deps * c['xt']).sum(0)
    dh = deps @ P['W2'].T
    dv = dh * silu_grad(c['v'])
    dscale = dv * c['u']
    dshift = dv
    dmod = np.concatenate([dscale, dshift], axis=1)
    G['Wt'] = c['temb'].T @ dmod
    G['bt'] = dmod.sum(0)
    du = dv * (1 + c['scale'])
    G['W1'] = c['xt'].T @ du
    G['b1'] = du.sum(0)
    return G


def make_problem(dim=3, hid=4, half=2, batch=6):
    rng = np.random.default_rng(31)
    abar = np.cumprod(1 - np.linspace(0.02, 0.3, 12))
    data, eps = rng.normal(size=(2, batch, dim))
    t = rng.integers(0, 12, size=batch)
    xt = np.sqrt(abar[t])[:, None] * data + np.sqrt(1 - abar[t])[:, None] * eps
    temb = time_embedding(t, half)
    snr = abar[t] / (1 - abar[t])
    weight = np.minimum(snr, 2.0) / snr

    def loss(P):
        eps_hat, cache = predict_noise(P, xt, temb)
        diff = eps_hat - eps
        value = np.mean(weight * np.mean(diff ** 2, axis=1))
        deps = 2 * weight[:, None] * diff / (batch * dim)
        return value, backward(P, deps, cache)

    P = {'W1': rng.normal(size=(dim, hid)) * 0.5, 'b1': rng.normal(size=hid) * 0.1,
         'Wt': rng.normal(size=(2 * half, 2 * hid)) * 0.4, 'bt': rng.normal(size=2 * hid) * 0.1,
         'W2': rng.normal(size=(hid, dim)) * 0.5, 'b2': rng.normal(size=dim) * 0.1,
         'skip': rng.normal(size=dim) * 0.3}
    return loss, P
