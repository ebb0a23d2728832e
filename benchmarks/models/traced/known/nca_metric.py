"""Neighbourhood components analysis, as in scikit-learn, with a log-probability objective."""

import numpy as np

STYLE = "NCA, sklearn-like callback with masked softmax of distances"


def masked_softmax(S):
    S = S - S.max(axis=1, keepdims=True)
    expS = np.exp(S)
    np.fill_diagonal(expS, 0.0)
    return expS / expS.sum(axis=1, keepdims=True)


def loss_grad_nca(transformation, X, same_class_mask, sign):
    transformation = transformation.reshape(-1, X.shape[1])
    X_embedded = np.dot(X, transformation.T)

    # Compute softmax distances
    sq_norms = np.sum(X_embedded**2, axis=1)
    p_ij = sq_norms[:, None] + sq_norms[None, :] - 2.0 * X_embedded @ X_embedded.T
    p_ij = masked_softmax(-p_ij)

    # Compute loss
    masked_p_ij = p_ij * same_class_mask
    p = np.sum(masked_p_ij, axis=1, keepdims=True)
    loss = np.sum(np.log(p))

    # Compute gradient of loss w.r.t. transform
    weighted_p_ij = masked_p_ij / p - p_ij
    weighted_p_ij_sym = weighted_p_ij + weighted_p_ij.T
    np.fill_diagonal(weighted_p_ij_sym, -weighted_p_ij.sum(axis=0))
    gradient = 2 * X_embedded.T.dot(weighted_p_ij_sym).dot(X)
    return sign * loss, sign * gradient.ravel()


def make_problem(samples=6, features=5, components=3):
    rng = np.random.default_rng([samples, features, components])
    y = np.arange(max(samples, 4)) % 2
    X = rng.standard_normal((len(y), features))
    mask = y[:, None] == y[None, :]
    return loss_grad_nca, 0.5 * rng.standard_normal(components * features), (X, mask, -1.0)
