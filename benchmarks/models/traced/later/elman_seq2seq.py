"""Elman encoder-decoder with teacher forcing, cross-entropy per token; a notebook saved as a script."""
# coding: utf-8
import numpy as np

STYLE = "notebook script, dict of parameters, lists of states"

# In[1]: toy task = say the sentence backwards


def toy_data(vocab, T, N):
    rng = np.random.default_rng(12)
    src = rng.integers(0, vocab, size=(N, T))
    tgt = src[:, ::-1].copy()
    return src, tgt


# In[2]: forward pass, keep everything in lists


def forward(p, src, tgt):
    N, T = src.shape
    h = np.zeros((N, p['Whh_enc'].shape[0]))
    enc = [h]
    for t in range(T):
        x = p['emb'][src[:, t]]
        h = np.tanh(x @ p['Wxh_enc'] + h @ p['Whh_enc'] + p['b_enc'])
        enc.append(h)
    # decoder starts with the last state of the encoder
    dec = [h]
    probs = []
    loss = 0.
    for t in range(T):
        # teacher forcing: feed the true previous word, word 0 plays <bos>
        prev = tgt[:, t - 1] if t > 0 else np.zeros(N, dtype=int)
        x = p['emb'][prev]
        h = np.tanh(x @ p['Wxh_dec'] + h @ p['Whh_dec'])
        dec.append(h)
        scores = h @ p['Wout'] + p['b_out']
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        y = e / e.sum(axis=1, keepdims=True)
        probs.append(y)
        loss += -np.log(y[np.arange(N), tgt[:, t]]).sum()
    return loss / (N * T), enc, dec, probs


# In[3]: backward pass through time


def backward(p, src, tgt, enc, dec, probs):
    N, T = src.shape
    grads = {k: np.zeros_like(v) for k, v in p.items()}
    dh_next = np.zeros_like(dec[0])
    for t in range(T - 1, -1, -1):
        dscores = probs[t].copy()
        dscores[np.arange(N), tgt[:, t]] -= 1
        dscores /= N * T
        grads['Wout'] += dec[t + 1].T @ dscores
        grads['b_out'] += dscores.sum(axis=0)
        dh = dscores @ p['Wout'].T + dh_next
        da = dh * (1 - dec[t + 1] ** 2)
        prev = tgt[:, t - 1] if t > 0 else np.zeros(N, dtype=int)
        grads['Wxh_dec'] += p['emb'][prev].T @ da
        grads['Whh_dec'] += dec[t].T @ da
        np.add.at(grads['emb'], prev, da @ p['Wxh_dec'].T)
        dh_next = da @ p['Whh_dec'].T
    # what is left is the gradient of the thought vector
    for t in range(T - 1, -1, -1):
        da = dh_next * (1 - enc[t + 1] ** 2)
        grads['b_enc'] += da.sum(axis=0)
        grads['Wxh_enc'] += p['emb'][src[:, t]].T @ da
        grads['Whh_enc'] += enc[t].T @ da
        np.add.at(grads['emb'], src[:, t], da @ p['Wxh_enc'].T)
        dh_next = da @ p['Whh_enc'].T
    return grads


# In[4]: put together


def loss_and_grads(p, src, tgt):
    loss, enc, dec, probs = forward(p, src, tgt)
    return loss, backward(p, src, tgt, enc, dec, probs)


def make_problem(vocab=5, n_emb=2, n_hid=3, T=4, N=6):
    src, tgt = toy_data(vocab, T, N)
    rng = np.random.default_rng(7)
    r = lambda *s: 0.5 * rng.standard_normal(s)
    p = {'emb': r(vocab, n_emb),
         'Wxh_enc': r(n_emb, n_hid), 'Whh_enc': r(n_hid, n_hid), 'b_enc': r(n_hid),
         'Wxh_dec': r(n_emb, n_hid), 'Whh_dec': r(n_hid, n_hid),
         'Wout': r(n_hid, vocab), 'b_out': r(vocab)}
    return loss_and_grads, p, (src, tgt)
