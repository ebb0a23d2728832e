"""Knowledge distillation into a maxout student: temperature KL to a teacher + focal loss on labels."""
import numpy as np

STYLE = "kaggle utility script, params dict W{l}, self.cache on a class, np.take_along_axis"


class MaxoutStudent(object):
    def __init__(self, layer_sizes, pieces=2, T=3.0, gamma=2.0, alpha=0.6, wd=1e-2):
        self.layer_sizes = layer_sizes
        self.L = len(layer_sizes) - 1
        self.pieces = pieces
        self.T, self.gamma, self.alpha, self.wd = T, gamma, alpha, wd
        self.cache = {}

    def init_params(self, rng):
        params = {}
        for l in range(1, self.L + 1):
            n_in, n_out = self.layer_sizes[l-1], self.layer_sizes[l]
            k = self.pieces if l < self.L else 1
            params[f'W{l}'] = rng.standard_normal((k, n_in, n_out)) / np.sqrt(n_in)
            params[f'b{l}'] = 0.1 * rng.standard_normal((k, n_out))
        return params

    def forward(self, params, X):
        self.cache['A0'] = X
        A = X
        for l in range(1, self.L):
            Z = np.einsum('ni,kio->kno', A, params[f'W{l}']) + params[f'b{l}'][:, None, :]
            win = Z.argmax(axis=0)[None]
            A = np.take_along_axis(Z, win, axis=0)[0]
            self.cache[f'win{l}'] = win
            self.cache[f'A{l}'] = A
        return A @ params[f'W{self.L}'][0] + params[f'b{self.L}'][0]

    @staticmethod
    def softmax(x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def distill(self, logits, teacher_logits):
        """T^2 * KL(teacher || student) at temperature T"""
        T = self.T
        q = self.softmax(teacher_logits / T)
        p = self.softmax(logits / T)
        loss = T**2 * np.mean(np.sum(q * (np.log(q) - np.log(p)), axis=1))
        dlogits = T * (p - q) / len(logits)
        return loss, dlogits

    def focal(self, logits, y):
        """-(1 - p_y)^gamma * log(p_y)"""
        n = len(y)
        g = self.gamma
        p = self.softmax(logits)
        py = p[np.arange(n), y]
        loss = np.mean(-(1 - py)**g * np.log(py))
        # d loss / d p_y, then softmax: dp_y/dlogit_j = p_y (1[j=y] - p_j)
        dpy = g * (1 - py)**(g - 1) * np.log(py) - (1 - py)**g / py
        onehot = np.zeros_like(p)
        onehot[np.arange(n), y] = 1
        dlogits = (dpy * py)[:, None] * (onehot - p) / n
        return loss, dlogits

    def backward(self, params, dlogits):
        grads = {}
        L = self.L
        dW = self.cache[f'A{L-1}'].T @ dlogits
        grads[f'W{L}'] = dW[None] + self.wd * params[f'W{L}']
        grads[f'b{L}'] = dlogits.sum(axis=0, keepdims=True)
        dA = dlogits @ params[f'W{L}'][0].T
        for l in range(L - 1, 0, -1):
            W, A_prev = params[f'W{l}'], self.cache[f'A{l-1}']
            dZ = np.zeros((self.pieces,) + dA.shape)
            np.put_along_axis(dZ, self.cache[f'win{l}'], dA[None], axis=0)
            grads[f'W{l}'] = np.einsum('ni,kno->kio', A_prev, dZ)
            grads[f'W{l}'] += self.wd * W
            grads[f'b{l}'] = dZ.sum(axis=1)
            dA = np.zeros_like(A_prev)
            for k in range(self.pieces):
                dA += dZ[k] @ W[k].T
        return {name: grads[name] for name in params}

    def loss(self, params, X, y, teacher_logits):
        logits = self.forward(params, X)
        soft, dsoft = self.distill(logits, teacher_logits)
        hard, dhard = self.focal(logits, y)
        reg = 0.5 * self.wd * sum(np.sum(params[f'W{l}']**2) for l in range(1, self.L + 1))
        total = self.alpha * soft + (1 - self.alpha) * hard + reg
        dlogits = self.alpha * dsoft + (1 - self.alpha) * dhard
        return total, self.backward(params, dlogits)


def make_problem(n_features=4, n_hidden=3, n_hidden2=5, n_classes=2, n_samples=7):
    n_classes = max(n_classes, 2)
    rng = np.random.default_rng([n_features, n_hidden, n_hidden2, n_classes, n_samples])
    student = MaxoutStudent([n_features, n_hidden, n_hidden2, n_classes])
    X = rng.standard_normal((n_samples, n_features))
    y = rng.integers(0, n_classes, n_samples)
    teacher_logits = 2 * rng.standard_normal((n_samples, n_classes))
    return student.loss, student.init_params(rng), (X, y, teacher_logits)
