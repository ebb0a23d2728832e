"""Models in other styles, which played no part while the naming of causes was tuned."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy.special import digamma, expit, gammaln, logsumexp

from benchmarks.models.case import Case, flatten

# ---------------------------------------------------------------- MATLAB course code, columns first


def nnCostFunction(nn_params, input_layer_size, hidden_layer_size, num_labels, X, y, Lambda):
    # translated from ex4; the first column of each Theta belongs to the bias unit
    split = hidden_layer_size * (input_layer_size + 1)
    Theta1 = nn_params[:split].reshape((hidden_layer_size, input_layer_size + 1), order="F")
    Theta2 = nn_params[split:].reshape((num_labels, hidden_layer_size + 1), order="F")
    m = X.shape[0]
    a1 = np.column_stack((np.ones((m, 1)), X))
    a2 = np.column_stack((np.ones((m, 1)), expit(a1.dot(Theta1.T))))
    a3 = expit(a2.dot(Theta2.T))
    Y = np.eye(num_labels)[y]
    J = -np.sum(Y * np.log(a3) + (1 - Y) * np.log(1 - a3)) / m
    J += Lambda / (2 * m) * (np.sum(Theta1[:, 1:] ** 2) + np.sum(Theta2[:, 1:] ** 2))
    d3 = a3 - Y
    d2 = (d3.dot(Theta2) * a2 * (1 - a2))[:, 1:]
    Theta1_grad = d2.T.dot(a1) / m
    Theta2_grad = d3.T.dot(a2) / m
    Theta1_grad[:, 1:] += Lambda / m * Theta1[:, 1:]
    Theta2_grad[:, 1:] += Lambda / m * Theta2[:, 1:]
    grad = np.concatenate((Theta1_grad.ravel(order="F"), Theta2_grad.ravel(order="F")))
    return J, grad


def course_network(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((28, 4)), rng.integers(0, 3, 28)
    return Case(
        name="course network, columns first",
        fun=nnCostFunction,
        x0=0.6 * rng.standard_normal(5 * 5 + 3 * 6),
        args=(4, 5, 3, X, y, 0.8),
        shapes={"Theta1": (5, 5), "Theta2": (3, 6)},
        tags=frozenset({"fortran"}),
    )


# ---------------------------------------------------------------- an estimator with methods


class ElasticNetPoisson:
    """Poisson regression with an elastic net; `objective` and `gradient` share nothing."""

    def __init__(self, X, y, alpha=0.3, l1_ratio=0.4):
        self.X, self.y, self.alpha, self.l1_ratio = X, y, alpha, l1_ratio

    def _eta(self, params):
        return self.X @ params[1:] + params[0]

    def objective(self, params):
        """Return the mean loss with its penalty."""
        eta, coef = self._eta(params), params[1:]
        penalty = self.l1_ratio * np.abs(coef).sum() + 0.5 * (1 - self.l1_ratio) * coef @ coef
        return np.mean(np.exp(eta) - self.y * eta) + self.alpha * penalty

    def gradient(self, params):
        """Return the derivative of the objective."""
        coef = params[1:]
        residual = (np.exp(self._eta(params)) - self.y) / len(self.y)
        out = np.empty_like(params)
        out[0] = residual.sum()
        out[1:] = self.X.T @ residual
        out[1:] += self.alpha * (self.l1_ratio * np.sign(coef) + (1 - self.l1_ratio) * coef)
        return out


def elastic_net(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((45, 9))
    model = ElasticNetPoisson(X, rng.poisson(np.exp(0.4 * X[:, 0])).astype(float))
    return Case(
        name="elastic net in an estimator",
        fun=model.objective,
        jac=model.gradient,
        x0=0.3 * rng.standard_normal(10),
        shapes={"intercept": (1,), "coef": (9,)},
    )


# ---------------------------------------------------------------- embeddings, GloVe


def glove(theta, vocab, dim, counts, x_max=20.0, power=0.75):
    size = vocab * dim
    W = theta[:size].reshape(vocab, dim)
    C = theta[size : 2 * size].reshape(vocab, dim)
    bw = theta[2 * size : 2 * size + vocab]
    bc = theta[2 * size + vocab :]
    weight = np.minimum(1.0, (counts / x_max) ** power)
    diff = W @ C.T + bw[:, None] + bc[None, :] - np.log(counts)
    wd = weight * diff
    grads = (2 * wd @ C, 2 * wd.T @ W, 2 * wd.sum(axis=1), 2 * wd.sum(axis=0))
    return float(np.sum(wd * diff)), np.concatenate([g.ravel() for g in grads])


def word_vectors(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    vocab, dim = 11, 4
    counts = 1.0 + rng.gamma(2.0, 6.0, (vocab, vocab))
    return Case(
        name="GloVe word vectors",
        fun=partial(glove, vocab=vocab, dim=dim, counts=counts),
        x0=0.5 * rng.standard_normal(2 * vocab * (dim + 1)),
        shapes={"W": (vocab, dim), "C": (vocab, dim), "bw": (vocab,), "bc": (vocab,)},
    )


# ---------------------------------------------------------------- beta regression


def make_beta_regression(X, Z, y):
    n_mean = X.shape[1]
    logit_y, log_1my = np.log(y) - np.log1p(-y), np.log1p(-y)

    def split(params):
        return params[:n_mean], params[n_mean:]

    def negloglike(params):
        beta, gamma = split(params)
        mu, phi = expit(X @ beta), np.exp(Z @ gamma)
        ll = gammaln(phi) - gammaln(mu * phi) - gammaln((1 - mu) * phi)
        ll = ll + (mu * phi - 1) * np.log(y) + ((1 - mu) * phi - 1) * log_1my
        return -ll.sum()

    def score(params):
        beta, gamma = split(params)
        mu, phi = expit(X @ beta), np.exp(Z @ gamma)
        mu_star = digamma(mu * phi) - digamma((1 - mu) * phi)
        d_mu = phi * (logit_y - mu_star) * mu * (1 - mu)
        d_phi = digamma(phi) - digamma((1 - mu) * phi) + log_1my + mu * (logit_y - mu_star)
        return -np.concatenate([X.T @ d_mu, Z.T @ (d_phi * phi)])

    return negloglike, score


def beta_regression(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    X = np.column_stack([np.ones(50), rng.standard_normal((50, 4))])
    Z = np.column_stack([np.ones(50), rng.standard_normal((50, 3))])
    fun, jac = make_beta_regression(X, Z, rng.beta(2.0, 3.0, 50))
    return Case(
        name="beta regression in a closure",
        fun=fun,
        jac=jac,
        x0=np.concatenate([0.3 * rng.standard_normal(5), [1.2], 0.2 * rng.standard_normal(3)]),
        shapes={"beta": (5,), "gamma": (4,)},
    )


# ---------------------------------------------------------------- robot arms in degrees


def reach(angles_deg, lengths, targets):
    # one row of joint angles for each pose
    angles = np.deg2rad(angles_deg).reshape(len(targets), len(lengths))
    total = np.cumsum(angles, axis=1)
    x, y = np.cos(total) @ lengths, np.sin(total) @ lengths
    ex, ey = x - targets[:, 0], y - targets[:, 1]
    cost = 0.5 * np.sum(ex**2 + ey**2) + 0.05 * np.sum(np.diff(angles, axis=0) ** 2)
    per_total = -np.sin(total) * lengths * ex[:, None] + np.cos(total) * lengths * ey[:, None]
    grad = np.cumsum(per_total[:, ::-1], axis=1)[:, ::-1].copy()
    step = 0.1 * np.diff(angles, axis=0)
    grad[1:] += step
    grad[:-1] -= step
    return cost, (grad * np.pi / 180).ravel()


def robot_arm(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    return Case(
        name="robot arm in degrees",
        fun=reach,
        x0=rng.uniform(-70, 70, 7 * 4),
        args=(np.array([1.0, 0.8, 0.5, 0.3]), rng.uniform(-2, 2, (7, 2))),
        shapes={"angles": (7, 4)},
    )


# ---------------------------------------------------------------- a gated cell in a dict


def gated_cell(params, xs, target):
    h = params["h0"]
    trail = []
    for x in xs:
        z = expit(params["Wz"] @ x + params["Uz"] @ h + params["bz"])
        c = np.tanh(params["Wc"] @ x + params["Uc"] @ h + params["bc"])
        trail.append((x, h, z, c))
        h = (1 - z) * h + z * c
    diff = h - target
    grads = {name: np.zeros_like(value) for name, value in params.items()}
    dh = diff.copy()
    for x, h_prev, z, c in reversed(trail):
        dz = dh * (c - h_prev) * z * (1 - z)
        dc = dh * z * (1 - c**2)
        grads["Wz"] += np.outer(dz, x)
        grads["Uz"] += np.outer(dz, h_prev)
        grads["bz"] += dz
        grads["Wc"] += np.outer(dc, x)
        grads["Uc"] += np.outer(dc, h_prev)
        grads["bc"] += dc
        dh = dh * (1 - z) + params["Uz"].T @ dz + params["Uc"].T @ dc
    grads["h0"] = dh
    return 0.5 * diff @ diff, grads


def gated(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    hidden, inputs = 5, 3
    shapes = {
        "Wz": (hidden, inputs),
        "Uz": (hidden, hidden),
        "bz": (hidden,),
        "Wc": (hidden, inputs),
        "Uc": (hidden, hidden),
        "bc": (hidden,),
        "h0": (hidden,),
    }
    return Case(
        name="gated cell in a dict",
        fun=gated_cell,
        x0={name: 0.6 * rng.standard_normal(shape) for name, shape in shapes.items()},
        args=(rng.standard_normal((6, inputs)), rng.standard_normal(hidden)),
        shapes=shapes,
    )


# ---------------------------------------------------------------- optimal transport, dual


class SinkhornDual:
    """Minus the dual of entropic transport, with its gradient."""

    def __init__(self, cost, a, b, eps):
        self.cost, self.a, self.b, self.eps = cost, a, b, eps

    def __call__(self, x):
        """Return value and gradient."""
        f, g = np.split(x, [len(self.a)])
        logits = (f[:, None] + g[None, :] - self.cost) / self.eps
        plan = np.exp(logits) * self.a[:, None] * self.b[None, :]
        value = self.a @ f + self.b @ g - self.eps * plan.sum()
        return -value, -np.r_[self.a - plan.sum(1), self.b - plan.sum(0)]


def transport(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    n = 13
    place, other = rng.uniform(0, 1, n), rng.uniform(0, 1, n)
    cost = (place[:, None] - other) ** 2
    a, b = rng.dirichlet(np.full(n, 3.0)), rng.dirichlet(np.full(n, 3.0))
    return Case(
        name="entropic transport, dual",
        fun=SinkhornDual(cost, a, b, 0.2),
        x0=0.1 * rng.standard_normal(2 * n),
        shapes={"f": (n,), "g": (n,)},
    )


# ---------------------------------------------------------------- factors through exp


def kl_factorisation(theta, V, rank, lam):
    n, p = V.shape
    A, B = theta[: n * rank].reshape(n, rank), theta[n * rank :].reshape(rank, p)
    W, H = np.exp(A), np.exp(B)
    R = W @ H
    cost = np.sum(R - V * np.log(R)) + 0.5 * lam * np.sum(B**2)
    D = 1 - V / R
    dA = W * (D @ H.T)
    dB = H * (W.T @ D) + lam * B
    return cost, np.hstack((dA.flatten(), dB.flatten()))


def nonnegative(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    n, p, rank = 9, 7, 3
    V = rng.gamma(2.0, 1.0, (n, p))
    return Case(
        name="non-negative factors through exp",
        fun=lambda theta: kl_factorisation(theta, V, rank, 0.7),
        x0=0.4 * rng.standard_normal(rank * (n + p)),
        shapes={"A": (n, rank), "B": (rank, p)},
        penalty=0.7,
        penalized=("B",),
    )


# ---------------------------------------------------------------- rational fit, parameters squeezed


def rational(c, t, y, degree):
    num, den = c[: degree + 1], np.concatenate(([1.0], c[degree + 1 :]))
    powers = np.vander(t, degree + 1, increasing=True)
    p, q = powers @ num, powers @ den
    r = p / q - y
    g = np.empty_like(c)
    g[: degree + 1] = powers.T @ (2 * r / q)
    g[degree + 1 :] = -(powers.T @ (2 * r * p / q**2))[1:]
    return r @ r, g


def rational_fit(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    t = np.linspace(0, 1, 30)
    return Case(
        name="rational fit",
        fun=rational,
        x0=np.concatenate([rng.standard_normal(6), 0.3 * rng.uniform(0.2, 1, 5)]),
        args=(t, np.sin(4 * t) + 0.05 * rng.standard_normal(30), 5),
        shapes={"num": (6,), "den": (5,)},
    )


# ---------------------------------------------------------------- topics, softmax over rows


def topics(x, docs, n_topics, prior):
    n_docs, n_words = docs.shape
    theta_logits = x[: n_docs * n_topics].reshape((n_docs, n_topics))
    phi_logits = x[n_docs * n_topics :].reshape((n_topics, n_words))
    log_theta = theta_logits - logsumexp(theta_logits, axis=1, keepdims=True)
    log_phi = phi_logits - logsumexp(phi_logits, axis=1, keepdims=True)
    theta, phi = np.exp(log_theta), np.exp(log_phi)
    mix = theta @ phi
    nll = -np.sum(docs * np.log(mix)) - prior * np.sum(log_phi) / n_words
    ratio = docs / mix
    d_theta = -ratio @ phi.T
    d_phi = -theta.T @ ratio
    g_theta = theta * (d_theta - np.sum(d_theta * theta, axis=1, keepdims=True))
    g_phi = phi * (d_phi - np.sum(d_phi * phi, axis=1, keepdims=True))
    g_phi += prior * (phi - 1 / n_words)
    return nll, np.append(g_theta, g_phi)


def topic_model(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    docs = rng.poisson(3.0, (8, 10)).astype(float)
    return Case(
        name="topic model",
        fun=topics,
        x0=0.7 * rng.standard_normal(8 * 4 + 4 * 10),
        args=(docs, 4, 1.5),
        shapes={"theta_logits": (8, 4), "phi_logits": (4, 10)},
    )


# ---------------------------------------------------------------- rankings that drift


def drift(strengths, games, tau):
    s = strengths.reshape(6, 8)  # season, team
    loss, grad = 0.0, np.zeros_like(s)
    for season, winner, loser in games:
        p = expit(s[season, winner] - s[season, loser])
        loss -= np.log(p)
        grad[season, winner] -= 1 - p
        grad[season, loser] += 1 - p
    change = s[1:] - s[:-1]
    loss += 0.5 * np.sum(change**2) / tau**2 + 0.05 * np.sum(s**2)
    grad[1:] += change / tau**2
    grad[:-1] -= change / tau**2
    return loss, (grad + 0.1 * s).reshape(-1)


def rankings(seed: int = 0) -> Case:
    rng = np.random.default_rng(seed)
    games = [
        (int(rng.integers(6)), *(int(i) for i in rng.choice(8, 2, replace=False)))
        for _ in range(150)
    ]
    return Case(
        name="drifting Bradley-Terry",
        fun=drift,
        x0=rng.standard_normal(48),
        args=(games, 0.8),
        shapes={"s": (6, 8)},
    )


ALL = (
    course_network,
    elastic_net,
    word_vectors,
    beta_regression,
    robot_arm,
    gated,
    transport,
    nonnegative,
    rational_fit,
    topic_model,
    rankings,
)


def check_models() -> None:
    """Compare every gradient with differences of the cost."""
    for make in ALL:
        case = make(0)
        theta = flatten(case.x0)
        numeric = np.empty(theta.size)
        for i in range(theta.size):
            step = np.zeros(theta.size)
            step[i] = 1e-5 * max(1.0, abs(theta[i]))
            numeric[i] = (case.flat_cost(theta + step) - case.flat_cost(theta - step)) / (
                2 * step[i]
            )
        error = np.linalg.norm(numeric - case.flat_gradient(theta)) / np.linalg.norm(numeric)
        print(f"{error:.1e}  {case.name}")


if __name__ == "__main__":
    check_models()
