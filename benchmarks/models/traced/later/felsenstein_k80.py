"""Phylogenetic likelihood (Kimura 2-parameter model) on a fixed tree: pruning up, partials down."""
import numpy as np

STYLE = "computational biologist, tree dicts, post-order and pre-order passes"

BASES = "AGCT"      # purines first, then pyrimidines


def k80_matrix(t, kappa):
    """P(t) and its derivatives for t and kappa, one substitution per unit time."""
    beta = 1.0 / (kappa + 2.0)
    e1 = np.exp(-4 * beta * t)
    e2 = np.exp(-2 * (kappa + 1) * beta * t)
    P = fill(0.25 + 0.25 * e1 + 0.5 * e2, 0.25 + 0.25 * e1 - 0.5 * e2, 0.25 - 0.25 * e1)

    # time
    de1 = -4 * beta * e1
    de2 = -2 * (kappa + 1) * beta * e2
    dP_dt = fill(0.25 * de1 + 0.5 * de2, 0.25 * de1 - 0.5 * de2, -0.25 * de1)

    # kappa, also through beta
    dbeta = -beta ** 2
    de1 = -4 * t * dbeta * e1
    de2 = -2 * t * (beta + (kappa + 1) * dbeta) * e2
    dP_dk = fill(0.25 * de1 + 0.5 * de2, 0.25 * de1 - 0.5 * de2, -0.25 * de1)
    return P, dP_dt, dP_dk


def fill(same, transition, transversion):
    M = np.full((4, 4), transversion)
    M[0, 1] = M[1, 0] = M[2, 3] = M[3, 2] = transition
    np.fill_diagonal(M, same)
    return M


def neg_log_likelihood(theta, children, root, tips, counts):
    """theta: log branch lengths (branch above node i is theta[i]) and log kappa last."""
    kappa = np.exp(theta[-1])
    lengths = np.exp(theta[:-1])
    mats = [k80_matrix(t, kappa) for t in lengths]

    # post-order: internal nodes are numbered after their children
    partial = dict(tips)
    message = {}
    for node in sorted(children):
        partial[node] = np.ones_like(tips[0])
        for c in children[node]:
            message[c] = partial[c] @ mats[c][0].T
            partial[node] = partial[node] * message[c]
    site_lik = partial[root] @ np.full(4, 0.25)
    nll = -np.sum(counts * np.log(site_lik))

    # pre-order: derivative of the log likelihood for every partial
    grad = np.zeros_like(theta)
    d_partial = {root: np.outer(counts / site_lik, np.full(4, 0.25))}
    for node in sorted(children, reverse=True):
        for c in children[node]:
            others = np.ones_like(tips[0])
            for s in children[node]:
                if s != c:
                    others = others * message[s]
            d_message = d_partial[node] * others
            dP = d_message.T @ partial[c]
            grad[c] = np.sum(dP * mats[c][1]) * lengths[c]
            grad[-1] += np.sum(dP * mats[c][2]) * kappa
            d_partial[c] = d_message @ mats[c][0]

    # exponential prior on lengths, normal prior on log kappa
    nll += 2.0 * lengths.sum() + 0.5 * (theta[-1] - 1.0) ** 2
    grad = -grad
    grad[:-1] += 2.0 * lengths
    grad[-1] += theta[-1] - 1.0
    return nll, grad


def make_problem(n_tips=5, n_patterns=7):
    rng = np.random.default_rng(1981)
    seqs = rng.integers(0, 4, size=(n_tips, n_patterns))
    seqs[1:] = np.where(rng.random((n_tips - 1, n_patterns)) < 0.6, seqs[0], seqs[1:])
    tips = {i: np.eye(4)[seqs[i]] for i in range(n_tips)}
    children, free, new = {}, list(range(n_tips)), n_tips
    while len(free) > 1:
        children[new] = free[:2]
        free = free[2:] + [new]
        new += 1
    counts = rng.integers(1, 9, size=n_patterns).astype(float)
    theta = np.append(np.log(rng.uniform(0.1, 0.6, size=new - 1)), 0.8)
    return neg_log_likelihood, theta, (children, new - 1, tips, counts)
