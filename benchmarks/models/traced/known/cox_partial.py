"""Cox proportional hazards: negative log partial likelihood (Breslow ties) with an elastic-ish ridge."""

import numpy as np

STYLE = "Cox likelihood, sklearn-style _loss_grad"


class CoxRegressor:
    def __init__(self, alpha=1.0, smooth=0.1):
        self.alpha = alpha
        self.smooth = smooth

    def _prepare(self, X, time, event):
        order = np.argsort(-time, kind="mergesort")
        self.X_ = X[order]
        self.event_ = event[order].astype(bool)
        self.n_events_ = self.event_.sum()
        return self

    def _penalty(self, coef):
        # smooth l1 plus l2
        root = np.sqrt(coef**2 + self.smooth**2)
        value = self.alpha * (np.sum(root) + 0.5 * coef @ coef)
        slope = self.alpha * (coef / root + coef)
        return value, slope

    def _loss_grad(self, coef):
        X, event = self.X_, self.event_
        eta = X @ coef
        top = eta.max()
        risk = np.exp(eta - top)
        cum_risk = np.cumsum(risk)
        loglik = np.sum(eta[event] - top - np.log(cum_risk[event]))

        cum_risk_x = np.cumsum(risk[:, np.newaxis] * X, axis=0)
        mean_x = cum_risk_x / cum_risk[:, np.newaxis]
        score = np.sum(X[event] - mean_x[event], axis=0)

        penalty, penalty_slope = self._penalty(coef)
        loss = -loglik / self.n_events_ + penalty
        grad = -score / self.n_events_ + penalty_slope
        return loss, grad


def make_problem(n_subjects=7, n_covariates=5):
    rng = np.random.default_rng([n_subjects, n_covariates])
    X = rng.standard_normal((n_subjects, n_covariates))
    time = rng.exponential(size=n_subjects)
    event = np.ones(n_subjects)
    event[::3] = 0
    event[1] = 1
    model = CoxRegressor(alpha=0.2)._prepare(X, time, event)
    return model._loss_grad, 0.6 * rng.standard_normal(n_covariates)
