"""Visual Bayesian personalised ranking: loop over (user, liked item, other item) triples."""
from math import exp, log

import numpy as np

STYLE = "recommender student, python loops per sample"

reg = 0.05


def predict(u, i, gamma_u, gamma_i, theta_u, E, beta_i, beta_vis, feats):
    visual = np.dot(E, feats[i])
    score = beta_i[i]
    score += np.dot(gamma_u[u], gamma_i[i])
    score += np.dot(theta_u[u], visual)
    score += np.dot(beta_vis, feats[i])
    return score


def bpr_loss(weights, triples, feats):
    gamma_u, gamma_i, theta_u, E, beta_i, beta_vis = weights
    grads = [np.zeros_like(w) for w in weights]
    g_gamma_u, g_gamma_i, g_theta_u, g_E, g_beta_i, g_beta_vis = grads
    loss = 0.0
    for (u, i, j) in triples:
        x_ui = predict(u, i, gamma_u, gamma_i, theta_u, E, beta_i, beta_vis, feats)
        x_uj = predict(u, j, gamma_u, gamma_i, theta_u, E, beta_i, beta_vis, feats)
        x_uij = x_ui - x_uj
        sig = 1.0 / (1.0 + exp(-x_uij))
        loss -= log(sig)

        coef = -(1.0 - sig)
        f_diff = feats[i] - feats[j]
        for k in range(gamma_u.shape[1]):
            g_gamma_u[u, k] += coef * (gamma_i[i, k] - gamma_i[j, k])
            g_gamma_i[i, k] += coef * gamma_u[u, k]
            g_gamma_i[j, k] -= coef * gamma_u[u, k]
        for k in range(theta_u.shape[1]):
            g_theta_u[u, k] += coef * np.dot(E[k], f_diff)
            g_E[k] += coef * theta_u[u, k] * f_diff
        g_beta_i[i] += coef
        g_beta_i[j] -= coef
        g_beta_vis += coef * f_diff

        # regularise what this triple has touched
        loss += 0.5 * reg * (np.sum(gamma_u[u] ** 2) + np.sum(gamma_i[i] ** 2)
                             + np.sum(gamma_i[j] ** 2) + np.sum(theta_u[u] ** 2))
        g_gamma_u[u] += reg * gamma_u[u]
        g_gamma_i[i] += reg * gamma_i[i]
        g_gamma_i[j] += reg * gamma_i[j]
        g_theta_u[u] += reg * theta_u[u]
    return loss, grads


def make_problem(n_users=3, n_items=5, k=2, n_visual=4):
    rng = np.random.default_rng(55)
    feats = rng.random((n_items, n_visual))
    triples = []
    for u in range(n_users):
        liked = u % n_items
        for j in range(n_items):
            if j != liked:
                triples.append((u, liked, j))
    weights = [rng.normal(size=(n_users, k)), rng.normal(size=(n_items, k)),
               rng.normal(size=(n_users, k)), rng.normal(size=(k, n_visual)),
               rng.normal(size=n_items) * 0.3, rng.normal(size=n_visual) * 0.3]
    return bpr_loss, weights, (triples, feats)
