"""GloVe on a small co-occurrence dictionary; parameters in a dict, gradient by in-place updates entry by entry."""
import numpy as np

STYLE = "GloVe, dict of counts, list x0, per-entry updates"

X_MAX, ALPHA = 4.0, 0.75


def weight(count):
    return min(1.0, (count / X_MAX) ** ALPHA)


def glove(params, counts):
    W, W_tilde, b, b_tilde = params
    grads = [np.zeros_like(p) for p in params]
    gW, gW_tilde, gb, gb_tilde = grads
    J = 0.0
    for (i, j), count in counts.items():
        inner = W[i].dot(W_tilde[j]) + b[i] + b_tilde[j] - np.log(count)
        f = weight(count)
        J += f * inner ** 2
        fdiff = 2 * f * inner
        gW[i] += fdiff * W_tilde[j]
        gW_tilde[j] += fdiff * W[i]
        gb[i] += fdiff
        gb_tilde[j] += fdiff
    return J, grads


def make_problem(words=5, dim=3):
    rng = np.random.default_rng([words, dim])
    counts = {}
    for i in range(words):
        for j in range(words):
            if rng.random() < 0.8:
                counts[i, j] = float(rng.integers(1, 9))
    x0 = [rng.standard_normal((words, dim)), rng.standard_normal((words, dim)), rng.standard_normal(words), rng.standard_normal(words)]
    return glove, x0, (counts,)
