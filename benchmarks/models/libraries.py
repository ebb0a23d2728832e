"""Gradients that scikit-learn, statsmodels and scipy ship, caught on their way to the optimizer."""

from __future__ import annotations

import contextlib
import importlib
import io
import warnings
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np
import scipy.optimize
from scipy import special, stats

from benchmarks.models.case import Case


class _Caught(BaseException):
    """Carries the arguments of a call of `scipy.optimize.minimize` out of a fit."""

    def __init__(self, fun: Any, x0: Any, options: dict[str, Any]) -> None:
        self.fun, self.x0, self.options = fun, x0, options


def caught(
    name: str,
    fit: Callable[[], Any],
    *,
    away: float = 0.0,
    module: Any = scipy.optimize,
    **more: Any,
) -> Case:
    """Return what a fit passes to `scipy.optimize.minimize`; the start moved by `away`."""

    def catch(fun: Any, x0: Any, *_: Any, **options: Any) -> Any:
        raise _Caught(fun, x0, options)

    with mock.patch.object(module, "minimize", catch), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            fit()
        except _Caught as call:
            x0 = np.array(call.x0, dtype=float)
            x0 = x0 + away * np.random.default_rng(0).standard_normal(x0.shape)
            return Case(
                name=name,
                fun=call.fun,
                x0=x0,
                jac=call.options.get("jac", True),
                args=tuple(call.options.get("args", ())),
                **more,
            )
    raise RuntimeError(f"{name} did not call scipy.optimize.minimize")


def classification(seed: int, m: int = 120, n: int = 6, classes: int = 3) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, n))
    scores = X @ rng.standard_normal((n, classes)) + rng.gumbel(size=(m, classes))
    return X, scores.argmax(axis=1)


def sklearn_cases(seed: int = 0) -> Iterator[Case]:
    """Return the objectives of scikit-learn that are right."""
    from sklearn import gaussian_process, linear_model, neighbors, neural_network
    from sklearn.gaussian_process import kernels as k

    rng = np.random.default_rng(seed)
    X, y = classification(seed)
    target = X @ rng.standard_normal(6) + 0.3 * rng.standard_normal(len(X))
    counts = rng.poisson(np.exp(0.3 * X[:, 0]))
    # scikit-learn binds scipy.optimize as a module, so that `caught` sees every call
    for classes, away in ((2, 0.0), (2, 0.3), (3, 0.0), (3, 0.3)):
        model = linear_model.LogisticRegression(C=0.7)
        yield caught(
            f"sklearn LogisticRegression {classes} classes, away {away}",
            lambda m=model, c=classes: m.fit(X, y % c),
            away=away,
        )
    for name, family, values in (
        ("Poisson", linear_model.PoissonRegressor(), counts),
        ("Gamma", linear_model.GammaRegressor(), np.exp(0.2 * target)),
        ("Tweedie 1.5", linear_model.TweedieRegressor(power=1.5), counts),
        ("Tweedie 0", linear_model.TweedieRegressor(power=0, alpha=0.1), target),
    ):
        yield caught(f"sklearn {name}", lambda f=family, v=values: f.fit(X, v), away=0.2)
    yield caught("sklearn Huber", lambda: linear_model.HuberRegressor().fit(X, target), away=0.05)
    yield caught("sklearn Huber at its start", lambda: linear_model.HuberRegressor().fit(X, target))
    for activation in ("tanh", "logistic", "relu", "identity"):
        net = neural_network.MLPRegressor(
            hidden_layer_sizes=(7, 4), activation=activation, solver="lbfgs", random_state=1
        )
        yield caught(f"sklearn MLPRegressor {activation}", lambda n=net: n.fit(X, target))
    net = neural_network.MLPClassifier(hidden_layer_sizes=(8,), solver="lbfgs", random_state=1)
    yield caught("sklearn MLPClassifier softmax", lambda: net.fit(X, y))
    yield caught(
        "sklearn NCA",
        lambda: neighbors.NeighborhoodComponentsAnalysis(n_components=2, random_state=0).fit(X, y),
        module=importlib.import_module("sklearn.neighbors._nca"),
    )
    yield from _gaussian_processes(gaussian_process.GaussianProcessRegressor, k, rng)


def _gaussian_processes(regressor: Any, k: Any, rng: Any) -> Iterator[Case]:
    t = np.sort(rng.uniform(0, 6, 30))[:, None]
    y = np.sin(2 * t[:, 0]) + 0.1 * rng.standard_normal(30)
    wide = rng.standard_normal((30, 3))
    choices = {
        "RBF + white": (k.ConstantKernel(1.0) * k.RBF(1.0) + k.WhiteKernel(0.1), t, 1e-10),
        "RBF, ill-conditioned": (k.ConstantKernel(1.0) * k.RBF(3.0), t, 1e-10),
        "RBF, very ill-conditioned": (k.RBF(20.0), t, 1e-10),
        "Matern 3/2 ARD": (k.Matern([1.0, 2.0, 0.5], nu=1.5) + k.WhiteKernel(0.05), wide, 1e-8),
        "Matern 5/2": (k.Matern(1.3, nu=2.5) + k.WhiteKernel(0.05), t, 1e-8),
        "rational quadratic": (k.RationalQuadratic(1.0, 0.7) + k.WhiteKernel(0.1), t, 1e-8),
        "periodic": (k.ExpSineSquared(1.0, 3.0) * k.RBF(2.0) + k.WhiteKernel(0.1), t, 1e-8),
        "dot product": (k.DotProduct(1.0) + k.WhiteKernel(0.1), wide, 1e-8),
    }
    for name, (kernel, inputs, alpha) in choices.items():
        model = regressor(kernel, alpha=alpha, optimizer=None, normalize_y=True).fit(inputs, y)

        def fun(theta: Any, model: Any = model) -> tuple[float, Any]:
            value, gradient = model.log_marginal_likelihood(theta, eval_gradient=True)
            return -value, -gradient

        yield Case(name=f"sklearn GP {name}", fun=fun, x0=model.kernel_.theta.copy())


def statsmodels_cases(seed: int = 0) -> Iterator[Case]:
    """Return log likelihoods of statsmodels with their scores."""
    import statsmodels.api as sm
    from statsmodels.discrete import discrete_model as dm
    from statsmodels.duration.hazard_regression import PHReg
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    rng = np.random.default_rng(seed + 100)
    m = 150
    X = sm.add_constant(rng.standard_normal((m, 3)))
    beta = np.array([0.2, 0.5, -0.4, 0.3])
    binary = (rng.random(m) < special.expit(X @ beta)).astype(int)
    counts = rng.poisson(np.exp(X @ beta) * rng.gamma(2.0, 0.5, m))
    several = rng.integers(0, 3, m)
    times = rng.exponential(np.exp(-X[:, 1:] @ beta[1:]))
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        models = {
            "Logit": (dm.Logit(binary, X), np.zeros(4)),
            "Probit": (dm.Probit(binary, X), 0.8 * beta),
            "Poisson": (dm.Poisson(counts, X), beta),
            "MNLogit": (dm.MNLogit(several, X), 0.1 * rng.standard_normal(8)),
            "NegativeBinomial nb2": (dm.NegativeBinomial(counts, X), np.r_[beta, 0.5]),
            "NegativeBinomial nb1": (
                dm.NegativeBinomial(counts, X, loglike_method="nb1"),
                np.r_[beta, 0.5],
            ),
            "NegativeBinomialP": (dm.NegativeBinomialP(counts, X), np.r_[beta, 0.5]),
            "GeneralizedPoisson": (dm.GeneralizedPoisson(counts, X), np.r_[beta, 0.1]),
            "ZeroInflatedPoisson": (
                dm_count().ZeroInflatedPoisson(counts, X, exog_infl=X[:, :1]),
                np.r_[0.3, beta],
            ),
            "GLM gamma log": (
                sm.GLM(times + 0.01, X, family=sm.families.Gamma(sm.families.links.Log())),
                beta,
            ),
            "GLM binomial": (sm.GLM(binary, X, family=sm.families.Binomial()), beta),
            "PHReg breslow": (PHReg(times, X[:, 1:], ties="breslow"), beta[1:]),
            "PHReg efron": (PHReg(np.round(times, 1), X[:, 1:], ties="efron"), beta[1:]),
            "OrderedModel": (
                OrderedModel(several, X[:, 1:], distr="logit"),
                np.array([0.2, -0.1, 0.3, -0.4, 0.1]),
            ),
        }
    for name, (model, start) in models.items():
        # a GLM left to itself estimates its scale anew at each point in the cost, but not in the
        # score: only at a fixed scale is the one the gradient of the other
        more = (1.0,) if "gamma" in name else ()
        yield Case(
            name=f"statsmodels {name}",
            fun=lambda x, *more, model=model: model.loglike(x, *more),
            jac=lambda x, *more, model=model: model.score(x, *more),
            x0=np.asarray(start, dtype=float),
            args=more,
        )


def dm_count() -> Any:
    from statsmodels.discrete import count_model

    return count_model


def scipy_cases(seed: int = 0) -> Iterator[Case]:
    """Return test functions and log densities with their closed-form derivatives."""
    rng = np.random.default_rng(seed + 200)
    rosen: dict[str, Any] = {"fun": scipy.optimize.rosen, "jac": scipy.optimize.rosen_der}
    yield Case(name="scipy rosen, 2", x0=np.array([-1.2, 1.0]), **rosen)
    yield Case(name="scipy rosen, at the minimum", x0=np.ones(5), **rosen)
    yield Case(name="scipy rosen, 100", x0=rng.uniform(-2, 2, 100), **rosen)
    yield Case(name="scipy rosen, far", x0=rng.uniform(-2, 2, 20) * 1e3, **rosen)
    data = rng.standard_t(4, 200) * 2 + 1

    def student(p: Any) -> tuple[float, Any]:
        mu, log_s, log_nu = p
        s, nu = np.exp(log_s), np.exp(log_nu)
        z = (data - mu) / s
        ll = stats.t.logpdf(data, nu, loc=mu, scale=s).sum()
        w = (nu + 1) / (nu + z**2)
        d_mu = (w * z / s).sum()
        d_s = (w * z**2 - 1).sum()
        d_nu = (
            0.5
            * nu
            * (
                special.digamma((nu + 1) / 2)
                - special.digamma(nu / 2)
                - 1 / nu
                - np.log1p(z**2 / nu)
                + w * z**2 / nu
            )
        )
        return -ll, -np.array([d_mu, d_s, d_nu.sum()])

    yield Case(name="scipy Student t likelihood", fun=student, x0=np.array([0.8, 0.5, 1.2]))
    positive = rng.gamma(2.0, 3.0, 80)

    def gamma_fit(p: Any) -> Any:
        a, scale = p
        return -stats.gamma.logpdf(positive, a, scale=scale).sum()

    def gamma_der(p: Any) -> Any:
        a, scale = p
        d_a = np.log(positive / scale).sum() - positive.size * special.digamma(a)
        d_scale = (positive / scale**2 - a / scale).sum()
        return np.array([-d_a, -d_scale])

    yield Case(
        name="scipy gamma likelihood with bounds",
        fun=gamma_fit,
        jac=gamma_der,
        x0=np.array([1.5, 2.0]),
        bounds=[(1e-6, None), (1e-6, None)],
    )

    def vonmises(p: Any) -> tuple[float, Any]:
        mu, kappa = p
        t = data
        value = -(kappa * np.cos(t - mu)).sum() + t.size * np.log(2 * np.pi * special.ive(0, kappa))
        value += t.size * kappa
        ratio = special.ive(1, kappa) / special.ive(0, kappa)
        return value, np.array(
            [-(kappa * np.sin(t - mu)).sum(), t.size * ratio - np.cos(t - mu).sum()]
        )

    yield Case(name="scipy von Mises likelihood", fun=vonmises, x0=np.array([0.4, 1.7]))


def known_wrong(seed: int = 0) -> Iterator[Case]:
    """Return the shipped gradients that are publicly known to be wrong."""
    import statsmodels.api as sm
    from sklearn import neural_network
    from statsmodels.discrete import discrete_model as dm

    rng = np.random.default_rng(seed + 300)
    X = rng.standard_normal((80, 4))
    net = neural_network.MLPRegressor(
        hidden_layer_sizes=(6,), activation="tanh", solver="lbfgs", random_state=1
    )
    yield caught(
        "scikit-learn#8349: MLPRegressor, 3 outputs, lbfgs",
        lambda: net.fit(X, X @ rng.standard_normal((4, 3))),
    )
    exog = sm.add_constant(X[:, :2])
    counts = rng.poisson(np.exp(0.3 * exog @ np.array([0.5, 1.0, -0.5])) * rng.gamma(1.5, 1, 80))
    model = dm.NegativeBinomialP(counts, exog)
    model._transparams = True
    yield Case(
        name="statsmodels#7522: NegativeBinomialP, use_transparams",
        fun=model.loglike,
        jac=model.score,
        x0=np.array([0.5, 0.3, -0.2, np.log(0.4)]),
    )
