"""RNN language model with quadratic-time backpropagation through time (WildML tutorial)."""

import numpy as np

STYLE = "WildML rnn, inner bptt loop from every output"


class RNNNumpy:
    def __init__(self, word_dim, hidden_dim):
        self.word_dim = word_dim
        self.hidden_dim = hidden_dim

    def set_parameters(self, theta):
        H, C = self.hidden_dim, self.word_dim
        self.U, self.V, self.W = (
            theta[: H * C].reshape(H, C),
            theta[H * C : 2 * H * C].reshape(C, H),
            theta[2 * H * C :].reshape(H, H),
        )

    def forward_propagation(self, x):
        T = len(x)
        # The last row is the initial state, so that s[-1] works at t = 0
        s = np.zeros((T + 1, self.hidden_dim))
        o = np.zeros((T, self.word_dim))
        for t in np.arange(T):
            s[t] = np.tanh(self.U[:, x[t]] + self.W.dot(s[t - 1]))
            xt = np.exp(self.V.dot(s[t]))
            o[t] = xt / xt.sum()
        return [o, s]

    def calculate_total_loss(self, x, y):
        L = 0
        for i in np.arange(len(y)):
            o, s = self.forward_propagation(x[i])
            correct_word_predictions = o[np.arange(len(y[i])), y[i]]
            L += -1 * np.sum(np.log(correct_word_predictions))
        return L

    def bptt(self, x, y):
        T = len(y)
        o, s = self.forward_propagation(x)
        dLdU = np.zeros(self.U.shape)
        dLdV = np.zeros(self.V.shape)
        dLdW = np.zeros(self.W.shape)
        delta_o = o
        delta_o[np.arange(len(y)), y] -= 1.0
        # For each output backwards...
        for t in np.arange(T)[::-1]:
            dLdV += np.outer(delta_o[t], s[t].T)
            # Initial delta calculation
            delta_t = self.V.T.dot(delta_o[t]) * (1 - (s[t] ** 2))
            for bptt_step in np.arange(0, t + 1)[::-1]:
                dLdW += np.outer(delta_t, s[bptt_step - 1])
                dLdU[:, x[bptt_step]] += delta_t
                # Update delta for next step
                delta_t = self.W.T.dot(delta_t) * (1 - s[bptt_step - 1] ** 2)
        return [dLdU, dLdV, dLdW]

    def calculate_loss_and_gradient(self, theta, x_train, y_train):
        self.set_parameters(theta)
        N = sum(len(y_i) for y_i in y_train)
        loss = self.calculate_total_loss(x_train, y_train) / N
        totals = [0.0, 0.0, 0.0]
        for x, y in zip(x_train, y_train):
            totals = [total + g for total, g in zip(totals, self.bptt(x, y))]
        return loss, np.hstack([np.ravel(total) for total in totals]) / N


def make_problem(word_dim=4, hidden_dim=3, length=5):
    rng = np.random.default_rng([word_dim, hidden_dim, length])
    sentences = [rng.integers(0, word_dim, n) for n in (length, length + 1)]
    x_train = [list(sent[:-1]) for sent in sentences]
    y_train = [list(sent[1:]) for sent in sentences]
    theta = rng.uniform(-1, 1, 2 * hidden_dim * word_dim + hidden_dim**2)
    return RNNNumpy(word_dim, hidden_dim).calculate_loss_and_gradient, theta, (x_train, y_train)
