"""t-SNE: KL divergence of the embedding, for scipy's minimize."""
import numpy as np

STYLE = "t-SNE, pairwise matrices, newaxis broadcasting"


def _joint_probabilities(X):
    sq = ((X[:, None, :] - X[None, :, :]) ** 2).sum(-1)
    P = np.exp(-sq / sq.mean())
    np.fill_diagonal(P, 0.0)
    P = P + P.T
    return np.maximum(P / P.sum(), 1e-12)


def _kl_divergence(params, P, degrees_of_freedom, n_samples, n_components, exaggeration):
    X_embedded = params.reshape(n_samples, n_components)

    # Q is a heavy-tailed distribution: Student's t-distribution
    diff = X_embedded[:, np.newaxis, :] - X_embedded[np.newaxis, :, :]
    dist = np.sum(diff ** 2, axis=2)
    dist /= degrees_of_freedom
    dist += 1.0
    num = dist ** ((degrees_of_freedom + 1.0) / -2.0)
    np.fill_diagonal(num, 0.0)
    Q = num / np.sum(num)
    off = ~np.eye(n_samples, dtype=bool)

    P = exaggeration * P
    kl_divergence = np.sum(P[off] * np.log(P[off] / Q[off]))

    # Gradient: dC/dY
    PQd = (P - P[off].sum() * Q) / dist
    grad = np.zeros((n_samples, n_components))
    for i in range(n_samples):
        grad[i] = np.dot(PQd[i], X_embedded[i] - X_embedded)
    grad = grad.ravel()
    c = 2.0 * (degrees_of_freedom + 1.0) / degrees_of_freedom
    grad *= c
    return kl_divergence, grad


def make_problem(n_samples=7, n_components=2):
    rng = np.random.default_rng([n_samples, n_components])
    n_samples = n_samples + 1
    P = _joint_probabilities(rng.standard_normal((n_samples, 4)))
    return _kl_divergence, rng.standard_normal(n_samples * n_components), (P, 3.0, n_samples, n_components, 1.5)
