"""Second-order factorization machine, logistic loss (Rendle's linear-time form)."""

from dataclasses import dataclass

import numpy as np

STYLE = "factorization machine, dataclass config, per-sample loop"


@dataclass
class FMConfig:
    n_features: int
    rank: int
    l2_linear: float = 0.1
    l2_factor: float = 0.2


def fm_score(x, w0, w, V):
    linear = w0 + w @ x
    sum_vx = V.T @ x
    sum_v2x2 = (V**2).T @ x**2
    return linear + 0.5 * (sum_vx @ sum_vx - sum_v2x2.sum()), sum_vx


def fm_objective(theta, X, labels, cfg: FMConfig):
    w0 = theta[0]
    w = theta[1 : 1 + cfg.n_features]
    V = theta[1 + cfg.n_features :].reshape(cfg.n_features, cfg.rank)

    total = 0.0
    g0, gw, gV = 0.0, np.zeros(cfg.n_features), np.zeros_like(V)
    for x, label in zip(X, labels):
        score, sum_vx = fm_score(x, w0, w, V)
        margin = label * score
        total += np.log1p(np.exp(-margin))
        mult = -label / (1.0 + np.exp(margin))
        g0 += mult
        gw += mult * x
        for f in range(cfg.rank):
            gV[:, f] += mult * x * (sum_vx[f] - V[:, f] * x)

    n = len(labels)
    total = total / n + 0.5 * cfg.l2_linear * (w**2).sum() + 0.5 * cfg.l2_factor * (V**2).sum()
    g0 = g0 / n
    gw = gw / n + cfg.l2_linear * w
    gV = gV / n + cfg.l2_factor * V
    return total, np.concatenate(([g0], gw, gV.ravel()))


def make_problem(samples=4, features=6, rank=3):
    rng = np.random.default_rng([samples, features, rank])
    X = rng.standard_normal((samples, features))
    labels = rng.choice([-1.0, 1.0], samples)
    theta = 0.4 * rng.standard_normal(1 + features + features * rank)
    return fm_objective, theta, (X, labels, FMConfig(features, rank))
