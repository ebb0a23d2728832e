"""Bidirectional GRU sequence classifier, each step returns its own backward closure; max-margin loss."""
import numpy as np

STYLE = "functional blog code, step functions that return (value, pullback)"

sig = lambda a: 0.5 * (1 + np.tanh(0.5 * a))


def gru_step(x, h, P):
    """one GRU step for a single sequence (vectors)

    P = (Wz, Wr, Wn, bz, br, bn), W*: (H, X+H)
    """
    Wz, Wr, Wn, bz, br, bn = P
    X = len(x)
    xh = np.concatenate([x, h])
    z = sig(Wz @ xh + bz)
    r = sig(Wr @ xh + br)
    xrh = np.concatenate([x, r * h])
    n = np.tanh(Wn @ xrh + bn)
    h_new = (1 - z) * n + z * h

    def pullback(dh_new, G):
        gWz, gWr, gWn, gbz, gbr, gbn = G
        dn = dh_new * (1 - z) * (1 - n**2)
        dz = dh_new * (h - n) * z * (1 - z)
        dxrh = Wn.T @ dn
        drh = dxrh[X:]
        dr = drh * h * r * (1 - r)
        dxh = Wz.T @ dz + Wr.T @ dr
        gWz += np.outer(dz, xh)
        gWr += np.outer(dr, xh)
        gWn += np.outer(dn, xrh)
        gbz += dz
        gbr += dr
        gbn += dn
        dh = dh_new * z + drh * r + dxh[X:]
        dx = dxrh[:X] + dxh[:X]
        return dx, dh

    return h_new, pullback


def gru_run(xs, h0, P):
    h, tape, hs = h0, [], []
    for x in xs:
        h, pb = gru_step(x, h, P)
        tape.append(pb)
        hs.append(h)

    def pullback(dhs, G):
        dh = np.zeros_like(h0)
        for t in range(len(tape) - 1, -1, -1):
            _, dh = tape[t](dh + dhs[t], G)
        return dh

    return hs, pullback


def margin_loss(scores, label):
    # sum_j softplus(1 + s_j - s_label), j != label
    m = 1 + scores - scores[label]
    m[label] = -np.inf
    value = np.logaddexp(0, m).sum()

    def pullback(d):
        ds = d * sig(m)
        ds[label] = -ds.sum()
        return ds

    return value, pullback


def split_params(theta, X, H, C):
    shapes = [(H, X + H)] * 3 + [(H,)] * 3
    shapes = [(H,)] + shapes + [(C, 2 * H), (C,)]
    out, i = [], 0
    for s in shapes:
        k = int(np.prod(s))
        out.append(theta[i:i + k].reshape(s))
        i += k
    return out


def objective(theta, seqs, labels, X, H, C):
    """both directions share one cell (weight tying), separate readout halves; h0 is learned"""
    grad = np.zeros_like(theta)
    h0, *P, V, c = split_params(theta, X, H, C)
    gh0, *G, gV, gc = split_params(grad, X, H, C)
    total = 0.0
    for xs, y in zip(seqs, labels):
        T = len(xs)
        fwd, fwd_pb = gru_run(xs, h0, P)
        bwd, bwd_pb = gru_run(xs[::-1], h0, P)
        # mean of forward states, last state of the backward pass
        feat = np.concatenate([sum(fwd) / T, bwd[-1]])
        value, loss_pb = margin_loss(V @ feat + c, y)
        total += value / len(seqs)

        ds = loss_pb(1.0 / len(seqs))
        gV += np.outer(ds, feat)
        gc += ds
        dfeat = V.T @ ds
        dfwd = [dfeat[:H] / T] * T
        dbwd = [np.zeros(H)] * (T - 1) + [dfeat[H:]]
        gh0 += fwd_pb(dfwd, G)
        gh0 += bwd_pb(dbwd, G)
    return total, grad


def make_problem(n_in=2, n_hidden=3, n_class=3, n_seq=3):
    n_class = max(2, n_class)
    rng = np.random.default_rng(n_in + 2 * n_hidden)
    seqs = [rng.normal(size=(int(rng.integers(2, 5)), n_in)) for _ in range(n_seq)]
    labels = rng.integers(0, n_class, n_seq)
    size = n_hidden + 3 * n_hidden * (n_in + n_hidden + 1) + n_class * (2 * n_hidden + 1)
    theta = 0.6 * rng.normal(size=size)
    return objective, theta, (seqs, labels, n_in, n_hidden, n_class)
