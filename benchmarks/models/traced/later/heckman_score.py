"""Heckman selection model by full maximum likelihood, with an analytic score."""
import numpy as np
from scipy.special import log_ndtr

STYLE = "statsmodels-like model class, score_obs"

_LOG2PI = np.log(2 * np.pi)


def _mills(z):
    """phi(z) / Phi(z)"""
    return np.exp(-0.5 * z**2 - 0.5 * _LOG2PI - log_ndtr(z))


class HeckmanML:
    """
    Outcome   y = exog @ beta + e       (observed where selected)
    Selection 1[exog_select @ gamma + v > 0],  corr(e, v) = rho

    params = [beta, gamma, log(sigma), arctanh(rho)]
    """

    def __init__(self, endog, exog, exog_select, selected):
        self.endog = np.asarray(endog)
        self.exog = np.asarray(exog)
        self.exog_select = np.asarray(exog_select)
        self.selected = np.asarray(selected, bool)
        self.nobs, self.k_mean = self.exog.shape
        self.k_select = self.exog_select.shape[1]

    def _unpack(self, params):
        km, ks = self.k_mean, self.k_select
        return (params[:km], params[km:km + ks], np.exp(params[km + ks]),
                np.tanh(params[km + ks + 1]))

    def loglikeobs(self, params):
        beta, gamma, sigma, rho = self._unpack(params)
        zg = self.exog_select @ gamma
        ll = log_ndtr(-zg)
        sel = self.selected
        r = (self.endog[sel] - self.exog[sel] @ beta) / sigma
        arg = (zg[sel] + rho * r) / np.sqrt(1 - rho**2)
        ll[sel] = log_ndtr(arg) - 0.5 * r**2 - np.log(sigma) - 0.5 * _LOG2PI
        return ll

    def loglike(self, params):
        return self.loglikeobs(params).sum()

    def score_obs(self, params):
        beta, gamma, sigma, rho = self._unpack(params)
        km, ks = self.k_mean, self.k_select
        sel = self.selected
        zg = self.exog_select @ gamma
        score = np.zeros((self.nobs, km + ks + 2))

        # not selected
        score[~sel, km:km + ks] = -_mills(-zg[~sel])[:, None] * self.exog_select[~sel]

        # selected
        x, z = self.exog[sel], self.exog_select[sel]
        r = (self.endog[sel] - x @ beta) / sigma
        root = np.sqrt(1 - rho**2)
        num = zg[sel] + rho * r
        lam = _mills(num / root)
        dr = lam * rho / root - r
        dsigma = -dr * r / sigma - 1 / sigma
        drho = lam * (r / root + num * rho / root**3)
        score[sel, :km] = -dr[:, None] * x / sigma
        score[sel, km:km + ks] = (lam / root)[:, None] * z
        score[sel, -2] = dsigma * sigma
        score[sel, -1] = drho * (1 - rho**2)
        return score

    def score(self, params):
        return self.score_obs(params).sum(0)


def make_problem(n_obs=17, k_mean=3, k_select=4):
    n_obs = max(n_obs, 6)
    rng = np.random.default_rng(1979)
    x = np.column_stack([np.ones(n_obs), rng.standard_normal((n_obs, k_mean - 1))])
    z = np.column_stack([np.ones(n_obs), rng.standard_normal((n_obs, k_select - 1))])
    sel = np.arange(n_obs) % 3 != 1
    y = np.where(sel, x.sum(1) + rng.standard_normal(n_obs), 0.0)
    mod = HeckmanML(y, x, z, sel)

    def fun(params):
        return -mod.loglike(params) / mod.nobs, -mod.score(params) / mod.nobs

    x0 = np.r_[0.6 + 0.3 * rng.standard_normal(k_mean), 0.4 * rng.standard_normal(k_select), 0.2, 0.5]
    return fun, x0
