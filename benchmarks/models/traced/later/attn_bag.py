"""Text classifier: bag of embeddings with attention pooling, smoothed labels. Documents have own lengths."""
import numpy as np
STYLE = "Kaggle baseline, layer objects with name->array dicts, ragged lists"

class Embedding:
    def __init__(self, V, D, rs):
        self.p = {'E': rs.randn(V, D)}

    def fwd(self, docs):
        self.docs = docs
        return [self.p['E'][d] for d in docs]

    def bwd(self, dout):
        dE = np.zeros_like(self.p['E'])
        for d, g in zip(self.docs, dout):
            for pos, tok in enumerate(d):
                dE[tok] += g[pos]
        self.g = {'E': dE}

class AttentionPool:
    """score_i = q . tanh(K e_i), weights = softmax(score / T), out = sum of weight_i e_i"""
    def __init__(self, D, A, rs):
        self.p = {'K': rs.randn(D, A), 'q': rs.randn(A), 'logT': 0.3 * rs.randn(1)}

    def fwd(self, seqs):
        self.saved = []
        out = []
        T = np.exp(self.p['logT'][0])
        for e in seqs:
            k = np.tanh(e @ self.p['K'])
            score = k @ self.p['q']
            w = np.exp((score - score.max()) / T)
            w /= w.sum()
            self.saved.append((e, k, score, w))
            out.append(w @ e)
        return np.array(out)

    def bwd(self, dout):
        self.g = {n: np.zeros_like(v) for n, v in self.p.items()}
        T = np.exp(self.p['logT'][0])
        dseqs = []
        for (e, k, score, w), d in zip(self.saved, dout):
            dw = e @ d
            de = np.outer(w, d)
            ds = w * (dw - w @ dw) / T
            # temperature: score / T, T = exp(logT)
            self.g['logT'] -= ds @ score
            self.g['q'] += k.T @ ds
            dk = np.outer(ds, self.p['q']) * (1 - k ** 2)
            self.g['K'] += e.T @ dk
            de += dk @ self.p['K'].T
            dseqs.append(de)
        return dseqs

class Dense:
    def __init__(self, D, O, rs):
        self.p = {'W': rs.randn(D, O), 'b': rs.randn(O) * .1}

    def fwd(self, x):
        self.x = x
        return x @ self.p['W'] + self.p['b']

    def bwd(self, d):
        self.g = {'W': self.x.T @ d, 'b': d.sum(axis=0)}
        return d @ self.p['W'].T

class SmoothedXent:
    def __init__(self, eps):
        self.eps = eps

    def fwd(self, z, y):
        O = z.shape[1]
        self.t = np.full(z.shape, self.eps / O)
        self.t[np.arange(len(y)), y] += 1 - self.eps
        z = z - z.max(axis=1, keepdims=True)
        logp = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
        self.prob = np.exp(logp)
        return -(self.t * logp).sum() / len(y)

    def bwd(self):
        return (self.prob - self.t) / len(self.t)

def objective(theta, layers, xent, docs, y):
    k = 0
    for layer in layers:
        for name in layer.p:
            a = layer.p[name]
            layer.p[name] = theta[k:k + a.size].reshape(a.shape)
            k += a.size
    x = docs
    for layer in layers:
        x = layer.fwd(x)
    loss = xent.fwd(x, y)
    d = xent.bwd()
    for layer in layers[::-1]:
        d = layer.bwd(d)
    return loss, np.concatenate([layer.g[n].ravel() for layer in layers for n in layer.p])

def make_problem(V=7, D=3, A=4, O=5, N=6):
    rs = np.random.RandomState(V + 10 * D)
    layers = [Embedding(V, D, rs), AttentionPool(D, A, rs), Dense(D, O, rs)]
    docs = [rs.randint(0, V, size=2 + i % 4) for i in range(N)]
    y = rs.randint(0, O, size=N)
    theta = np.concatenate([v.ravel() for l in layers for v in l.p.values()])
    return objective, theta, (layers, SmoothedXent(0.1), docs, y)
