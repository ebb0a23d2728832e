"""Tiny token model (embedding, layernorm, gelu mlp, residual, softmax head), C-like kernels."""
import math
import numpy as np

STYLE = "llm.c-like scalar kernels into preallocated flat buffers"

GELU_K = math.sqrt(2.0 / math.pi)


def layernorm_forward(out, mean, rstd, inp, w, b, N, C):
    for n in range(N):
        x = n * C
        m = 0.0
        for i in range(C):
            m += inp[x + i]
        m /= C
        v = 0.0
        for i in range(C):
            v += (inp[x + i] - m) ** 2
        s = 1.0 / math.sqrt(v / C + 1e-5)
        for i in range(C):
            out[x + i] = s * (inp[x + i] - m) * w[i] + b[i]
        mean[n] = m
        rstd[n] = s


def layernorm_backward(dinp, dw, db, dout, inp, w, mean, rstd, N, C):
    for n in range(N):
        x = n * C
        dnorm_mean = 0.0
        dnorm_norm_mean = 0.0
        for i in range(C):
            norm = (inp[x + i] - mean[n]) * rstd[n]
            dnorm_mean += w[i] * dout[x + i]
            dnorm_norm_mean += w[i] * dout[x + i] * norm
        dnorm_mean /= C
        dnorm_norm_mean /= C
        for i in range(C):
            norm = (inp[x + i] - mean[n]) * rstd[n]
            db[i] += dout[x + i]
            dw[i] += norm * dout[x + i]
            dval = w[i] * dout[x + i]
            dval -= dnorm_mean
            dval -= norm * dnorm_norm_mean
            dinp[x + i] += dval * rstd[n]


def matmul_forward(out, inp, w, b, N, C, OC):
    for n in range(N):
        for o in range(OC):
            val = b[o]
            for i in range(C):
                val += inp[n * C + i] * w[o * C + i]
            out[n * OC + o] = val


def matmul_backward(dinp, dw, db, dout, inp, w, N, C, OC):
    for n in range(N):
        for o in range(OC):
            d = dout[n * OC + o]
            db[o] += d
            for i in range(C):
                dinp[n * C + i] += w[o * C + i] * d
                dw[o * C + i] += inp[n * C + i] * d


def gelu_backward(dinp, inp, dout, size):
    for i in range(size):
        x = inp[i]
        t = math.tanh(GELU_K * (x + 0.044715 * x * x * x))
        local = 0.5 * (1.0 + t) + x * 0.5 * (1.0 - t * t) * GELU_K * (1.0 + 3.0 * 0.044715 * x * x)
        dinp[i] += local * dout[i]


def make_problem(V=4, C=3, H=5, N=6):
    rng = np.random.default_rng([V, C, H, N])
    tok, tgt = rng.integers(0, V, N), rng.integers(0, V, N)
    psize = [V * C, C, C, H * C, H, C * H, C, V]
    asize = [N * C, N * C, N, N, N * H, N * H, N * C, N * C, N * V, N * V]
    poff, aoff = np.cumsum([0] + psize), np.cumsum([0] + asize)
    grads, acts, dacts = np.zeros(poff[-1]), np.zeros(aoff[-1]), np.zeros(aoff[-1])
    point = lambda buf, off: [buf[a:e] for a, e in zip(off, off[1:])]
    dwte, dlnw, dlnb, dfcw, dfcb, dpw, dpb, dhb = point(grads, poff)
    enc, ln, mean, rstd, fch, act, proj, res, logits, probs = point(acts, aoff)
    denc, dln, _, _, dfch, dact, dproj, dres, dlogits, _ = point(dacts, aoff)

    def fun(params):
        wte, lnw, lnb, fcw, fcb, pw, pb, hb = point(params, poff)
        for n in range(N):
            enc[n * C:n * C + C] = wte[tok[n] * C:tok[n] * C + C]
        layernorm_forward(ln, mean, rstd, enc, lnw, lnb, N, C)
        matmul_forward(fch, ln, fcw, fcb, N, C, H)
        act[:] = 0.5 * fch * (1 + np.tanh(GELU_K * (fch + 0.044715 * fch ** 3)))
        matmul_forward(proj, act, pw, pb, N, H, C)
        res[:] = enc + proj
        matmul_forward(logits, res, wte, hb, N, C, V)
        loss = 0.0
        for n in range(N):
            z = logits[n * V:n * V + V]
            e = np.exp(z - z.max())
            probs[n * V:n * V + V] = e / e.sum()
            loss -= math.log(probs[n * V + tgt[n]]) / N
        # backward
        grads.fill(0.0)
        dacts.fill(0.0)
        for n in range(N):
            for v in range(V):
                indicator = 1.0 if v == tgt[n] else 0.0
                dlogits[n * V + v] += (probs[n * V + v] - indicator) / N
        matmul_backward(dres, dwte, dhb, dlogits, res, wte, N, C, V)
        denc[:] += dres
        dproj[:] += dres
        matmul_backward(dact, dpw, dpb, dproj, act, pw, N, H, C)
        gelu_backward(dfch, fch, dact, N * H)
        matmul_backward(dln, dfcw, dfcb, dfch, ln, fcw, N, C, H)
        layernorm_backward(denc, dlnw, dlnb, dln, enc, lnw, mean, rstd, N, C)
        for n in range(N):
            for i in range(C):
                dwte[tok[n] * C + i] += denc[n * C + i]
        return loss, grads.copy()

    return fun, 0.5 * rng.standard_normal(poff[-1]) + 0.3
