"""Contractive autoencoder with tied weights, mini-batch average."""
import numpy as np

STYLE = "tied weights, contractive penalty, mutable class buffers"


class CA(object):
    def __init__(self, X, n_hiddens, jacobi_penalty, batch_weights):
        self.X = X
        self.n_hiddens = n_hiddens
        self.jacobi_penalty = jacobi_penalty
        self.batch_weights = batch_weights

    def _sigmoid(self, x):
        return 1. / (1. + np.exp(-x))

    def encode(self, x):
        return self._sigmoid(np.dot(x, self.W) + self.c)

    def decode(self, h):
        return self._sigmoid(np.dot(h, self.W.T) + self.b)

    def _set(self, theta):
        n_visible = self.X.shape[1]
        k = n_visible * self.n_hiddens
        self.W = theta[:k].reshape(n_visible, self.n_hiddens)
        self.c = theta[k:k + self.n_hiddens]
        self.b = theta[k + self.n_hiddens:]

    def loss(self, x, h, r):
        """Cross-entropy plus squared Frobenius norm of the encoder's Jacobian."""
        def _reconstruction_loss(x, r):
            return - np.sum(x * np.log(r) + (1 - x) * np.log(1 - r), axis=1)

        def _jacobi_loss(h):
            return np.dot((h * (1 - h)) ** 2, np.sum(self.W ** 2, axis=0))

        return _reconstruction_loss(x, r) + self.jacobi_penalty * _jacobi_loss(h)

    def _fit_grad(self, theta):
        self._set(theta)
        x = self.X
        wt = self.batch_weights / self.batch_weights.sum()
        h = self.encode(x)
        r = self.decode(h)
        cost = np.dot(wt, self.loss(x, h, r))

        def _contraction_jacobian():
            # through h only, and directly through W
            a = h * (1 - h)
            d = 1 - 2 * h
            W2 = np.sum(self.W ** 2, axis=0)
            pre = 2 * a * W2 * d * a
            pre = pre * wt[:, None]
            dW = np.dot(x.T, pre) + 2 * self.W * np.dot(wt, a ** 2)
            return dW, pre.sum(axis=0)

        def _reconstruction_jacobian():
            dr = (r - x) * wt[:, None]
            dh = np.dot(dr, self.W)
            da = dh * h * (1 - h)
            dW = np.dot(x.T, da)
            dW += np.dot(dr.T, h)
            return dW, da.sum(axis=0), dr.sum(axis=0)

        dW_rec, dc_rec, db_rec = _reconstruction_jacobian()
        dW_jac, dc_jac = _contraction_jacobian()
        dW = dW_rec + self.jacobi_penalty * dW_jac
        dc = dc_rec + self.jacobi_penalty * dc_jac
        return cost, np.concatenate((dW.flatten(), dc, db_rec))


def make_problem(m=4, visible=5, hidden=3):
    rng = np.random.default_rng([m, visible, hidden])
    model = CA(rng.uniform(0.1, 0.9, (m, visible)), hidden, 0.3, rng.uniform(0.5, 2.0, m))
    return model._fit_grad, rng.standard_normal(visible * hidden + hidden + visible)
