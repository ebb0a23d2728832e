"""Two-parameter logistic item response model, marginal likelihood by Gauss-Hermite quadrature, with priors."""
import numpy as np
from numpy.polynomial.hermite_e import hermegauss

STYLE = "psychometrician: EM vocabulary (posterior weights, expected counts), dict of result arrays, latent regression"


def logistic(z):
    return 1. / (1. + np.exp(-z))


def e_step(resp, a, b, mean, sd, nodes, logw):
    """Everything the M step needs. theta differs per person because of the latent regression."""
    theta = mean[:, None] + sd * nodes[None, :]                      # person x node
    dist = theta[:, :, None] - b[None, None, :]                      # person x node x item
    prob = logistic(a * dist)
    logp = np.where(resp[:, None, :] == 1, np.log(prob), np.log1p(-prob))
    joint = logp.sum(axis=2) + logw
    peak = joint.max(axis=1, keepdims=True)
    marg = peak[:, 0] + np.log(np.exp(joint - peak).sum(axis=1))
    post = np.exp(joint - marg[:, None])
    return dict(theta=theta, dist=dist, prob=prob, marg=marg, post=post)


def irt_objective(par, resp, Z, n_quad, prior):
    n_person, n_item = resp.shape
    log_a = par[:n_item]
    b = par[n_item:2 * n_item]
    gamma = par[2 * n_item:-1]
    log_sd = par[-1]
    a, sd = np.exp(log_a), np.exp(log_sd)

    nodes, wts = hermegauss(n_quad)
    logw = np.log(wts / wts.sum())
    es = e_step(resp, a, b, Z @ gamma, sd, nodes, logw)

    penalty = (log_a**2).sum() / (2 * prior['sd_a']**2) \
        + ((b - b.mean())**2).sum() / (2 * prior['sd_b']**2)
    obj = -es['marg'].sum() + penalty

    # expected residuals
    resid = es['post'][:, :, None] * (resp[:, None, :] - es['prob'])
    d_a = (resid * es['dist']).sum(axis=(0, 1))
    d_b = -a * resid.sum(axis=(0, 1))
    d_theta = (resid * a).sum(axis=2)
    d_mean = d_theta.sum(axis=1)
    d_sd = (d_theta * nodes).sum()

    grad = np.zeros_like(par)
    grad[:n_item] = -d_a * a
    grad[n_item:2 * n_item] = -d_b
    grad[2 * n_item:-1] = -Z.T @ d_mean
    grad[-1] = -d_sd * sd

    # priors
    grad[:n_item] += log_a / prior['sd_a']**2
    grad[n_item:2 * n_item] += (b - b.mean()) / prior['sd_b']**2
    return obj, grad


def make_problem(n_person=7, n_item=5, n_quad=6, n_cov=2):
    rng = np.random.default_rng(2 * n_person + 31 * n_item + n_quad)
    Z = rng.standard_normal((n_person, n_cov))
    ability = Z @ rng.normal(0, .5, n_cov) + rng.standard_normal(n_person)
    true_b = np.linspace(-1.2, 1.4, n_item)
    resp = (rng.random((n_person, n_item)) < logistic(ability[:, None] - true_b)).astype(int)
    par0 = np.concatenate([rng.normal(.1, .3, n_item), true_b + rng.normal(0, .4, n_item),
                           rng.normal(0, .4, n_cov), [-.25]])
    return irt_objective, par0, (resp, Z, n_quad, dict(sd_a=.5, sd_b=2.))
