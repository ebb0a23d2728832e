"""CLIP-like symmetric contrastive loss with learned temperature."""

import numpy as np
import numpy.linalg as la

STYLE = "CLIP contrastive, symmetric cross entropy, walrus unpacking"


def normalise(e):
    n = la.norm(e, axis=1, keepdims=True)
    return e / n, n


def log_softmax(z, axis):
    z = z - z.max(axis=axis, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=axis, keepdims=True))


def clip_loss(theta, images, texts, dim):
    n = images.shape[0]
    WI = theta[: (k := images.shape[1] * dim)].reshape(-1, dim)
    WT = theta[k : (k := k + texts.shape[1] * dim)].reshape(-1, dim)
    log_temp = theta[k]

    I, nI = normalise(images @ WI)
    T, nT = normalise(texts @ WT)
    sim = I @ T.T
    logits = np.exp(log_temp) * sim
    rows = log_softmax(logits, 1)
    cols = log_softmax(logits, 0)
    loss = -0.5 * (np.trace(rows) + np.trace(cols)) / n

    eye = np.eye(n)
    d_logits = 0.5 * (np.exp(rows) - eye) / n
    d_logits += 0.5 * (np.exp(cols) - eye) / n
    d_temp = np.sum(d_logits * logits)
    d_sim = np.exp(log_temp) * d_logits
    d_I = d_sim @ T
    d_T = d_sim.T @ I
    d_eI = (d_I - I * np.sum(I * d_I, axis=1, keepdims=True)) / nI
    d_eT = (d_T - T * np.sum(T * d_T, axis=1, keepdims=True)) / nT
    d_WI = images.T @ d_eI
    d_WT = texts.T @ d_eT
    return loss, np.concatenate([d_WI.ravel(), d_WT.ravel(), [d_temp]])


def make_problem(pairs=5, image_dim=4, text_dim=3, dim=6):
    rng = np.random.default_rng([pairs, image_dim, text_dim, dim])
    theta = np.append(rng.standard_normal((image_dim + text_dim) * dim), 0.4)
    return clip_loss, theta, (rng.standard_normal((pairs, image_dim)), rng.standard_normal((pairs, text_dim)), dim)
