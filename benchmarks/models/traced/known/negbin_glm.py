"""Negative binomial (NB2) regression with exposure offset and zero inflation."""

import numpy as np
from scipy.special import digamma, expit, gammaln

STYLE = "statsmodels-like GLM, loglikeobs / score_obs methods"


class ZeroInflatedNegBin:
    def __init__(self, endog, exog, exog_infl, offset):
        self.endog = endog
        self.exog = exog
        self.exog_infl = exog_infl
        self.offset = offset
        self.zero = endog == 0

    def _parts(self, params):
        k = self.exog.shape[1]
        beta = params[:k]
        infl = params[k:-1]
        alpha = np.exp(params[-1])
        mu = np.exp(self.exog @ beta + self.offset)
        w = expit(self.exog_infl @ infl)
        return mu, w, alpha

    def _nb_logpmf(self, mu, alpha):
        y = self.endog
        a1 = 1 / alpha
        prob = a1 / (a1 + mu)
        coeff = gammaln(y + a1) - gammaln(a1) - gammaln(y + 1)
        return coeff + a1 * np.log(prob) + y * np.log1p(-prob)

    def loglikeobs(self, params):
        mu, w, alpha = self._parts(params)
        llf = self._nb_logpmf(mu, alpha)
        return np.where(self.zero, np.log(w + (1 - w) * np.exp(llf)), np.log(1 - w) + llf)

    def score_obs(self, params):
        y = self.endog
        mu, w, alpha = self._parts(params)
        a1 = 1 / alpha
        prob = a1 / (a1 + mu)
        pmf = np.exp(self._nb_logpmf(mu, alpha))

        # derivative of the count part
        dmu = (y - mu) / (1 + alpha * mu)
        da1 = digamma(y + a1) - digamma(a1) + np.log(prob) + 1 - (y + a1) / (a1 + mu)
        dlnalpha = -a1 * da1

        # weight of the count part at zeros
        mix = w + (1 - w) * pmf
        share = np.where(self.zero, (1 - w) * pmf / mix, 1.0)
        dcount = share * dmu
        dshape = share * dlnalpha
        dw = np.where(self.zero, (1 - pmf) / mix, -1 / (1 - w))
        dinfl = dw * w * (1 - w)
        return np.column_stack((dcount[:, None] * self.exog, dinfl[:, None] * self.exog_infl, dshape))

    def fg(self, params):
        return -self.loglikeobs(params).sum(), -self.score_obs(params).sum(axis=0)


def make_problem(nobs=7, k_exog=3, k_infl=2):
    rng = np.random.default_rng([nobs, k_exog, k_infl])
    exog = np.column_stack((np.ones(nobs), rng.standard_normal((nobs, k_exog - 1))))
    exog_infl = rng.standard_normal((nobs, k_infl))
    endog = rng.poisson(2.0, nobs).astype(float)
    endog[::3] = 0
    offset = 0.2 * rng.standard_normal(nobs)
    model = ZeroInflatedNegBin(endog, exog, exog_infl, offset)
    return model.fg, 0.4 * rng.standard_normal(k_exog + k_infl + 1)
