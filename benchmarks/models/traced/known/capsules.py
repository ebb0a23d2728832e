"""One capsule layer with learned routing logits and margin loss, everything batched with einsum."""

import numpy as np

STYLE = "capsule squash, margin loss, keepdims everywhere"


def squash(s):
    sq = np.sum(s * s, axis=-1, keepdims=True)
    return s * np.sqrt(sq) / (1.0 + sq)


def squash_backward(dv, s):
    sq = np.sum(s * s, axis=-1, keepdims=True)
    norm = np.sqrt(sq)
    factor = norm / (1.0 + sq)
    dfactor = np.sum(dv * s, axis=-1, keepdims=True)
    dnorm = dfactor * (1.0 - sq) / (1.0 + sq) ** 2
    return dv * factor + dnorm * s / norm


def capsule_loss(W_and_b, u, onehot, dims):
    n_in, n_out, d_in, d_out = dims
    W = W_and_b[: n_in * n_out * d_in * d_out].reshape(n_in, n_out, d_in, d_out)
    b = W_and_b[n_in * n_out * d_in * d_out :].reshape(n_in, n_out)

    u_hat = np.einsum("nia,ioab->niob", u, W)
    eb = np.exp(b)
    c = eb / eb.sum(axis=1, keepdims=True)
    s = np.einsum("io,niob->nob", c, u_hat)
    v = squash(s)
    length = np.sqrt(np.sum(v * v, axis=-1) + 1e-3)
    present = (1.2 - length) ** 2
    absent = 0.5 * (length + 0.1) ** 2
    loss = np.sum(onehot * present + (1 - onehot) * absent) / len(u)

    dlength = -2 * onehot * (1.2 - length) + (1 - onehot) * (length + 0.1)
    dlength /= len(u)
    dv = dlength[..., None] * v / length[..., None]
    ds = squash_backward(dv, s)
    dc = np.einsum("nob,niob->io", ds, u_hat)
    du_hat = np.einsum("io,nob->niob", c, ds)
    db = c * (dc - np.sum(dc * c, axis=1, keepdims=True))
    dW = np.einsum("nia,niob->ioab", u, du_hat)
    return loss, np.append(dW, db)


def make_problem(n=4, n_in=3, n_out=2, d_in=2, d_out=5):
    rng = np.random.default_rng([n, n_in, n_out, d_in, d_out])
    n_in, n_out, d_in, d_out = (min(v, 4) for v in (n_in, n_out, d_in, d_out))
    u = rng.standard_normal((n, n_in, d_in))
    onehot = np.eye(n_out)[rng.integers(0, n_out, n)]
    x0 = rng.standard_normal(n_in * n_out * d_in * d_out + n_in * n_out)
    return capsule_loss, x0, (u, onehot, (n_in, n_out, d_in, d_out))
