"""Enzyme progress curves from an expression tree; recursive reverse sweep with match statements."""
from collections import defaultdict
import numpy as np

STYLE = "expression trees, structural pattern matching, defaultdict accumulators"

# tiny s-expression language --------------------------------------------------------------


def shrink(bar, shape):
    """undo broadcasting"""
    while np.ndim(bar) > len(shape):
        bar = np.sum(bar, axis=0)
    axes = tuple(i for i, n in enumerate(shape) if n == 1)
    return np.sum(bar, axis=axes, keepdims=True) if axes else bar


def evaluate(node, env, vals):
    """value of the tree; every inner node's value is remembered in vals by id"""
    match node:
        case str(name):
            return env[name]
        case int() | float():
            return float(node)
        case ("+", l, r):
            out = evaluate(l, env, vals) + evaluate(r, env, vals)
        case ("-", l, r):
            out = evaluate(l, env, vals) - evaluate(r, env, vals)
        case ("*", l, r):
            out = evaluate(l, env, vals) * evaluate(r, env, vals)
        case ("/", l, r):
            out = evaluate(l, env, vals) / evaluate(r, env, vals)
        case ("^", l, r):
            out = evaluate(l, env, vals) ** evaluate(r, env, vals)
        case ("exp", a):
            out = np.exp(evaluate(a, env, vals))
        case ("softplus", a):
            out = np.logaddexp(0.0, evaluate(a, env, vals))
        case ("mean", a):
            out = np.mean(evaluate(a, env, vals))
        case _:
            raise ValueError(node)
    vals[id(node)] = out
    return out


def adjoint(node, bar, env, vals, acc):
    """add d cost / d leaf to acc for every leaf below node, bar = d cost / d node"""
    val = lambda n: env[n] if isinstance(n, str) else vals.get(id(n), n)
    go = lambda n, b: adjoint(n, shrink(b, np.shape(val(n))), env, vals, acc)
    match node:
        case str(name):
            acc[name] = acc[name] + bar
        case ("+", l, r):
            go(l, bar)
            go(r, bar)
        case ("-", l, r):
            go(l, bar)
            go(r, -bar)
        case ("*", l, r):
            go(l, bar * val(r))
            go(r, bar * val(l))
        case ("/", l, r):
            go(l, bar / val(r))
            go(r, -bar * val(node) / val(r))
        case ("^", l, int(n)):
            go(l, bar * n * val(l) ** (n - 1))
        case ("^", l, r):
            go(l, bar * val(r) * val(l) ** (val(r) - 1.0))
            go(r, bar * val(node) * np.log(val(l)))
        case ("exp", a):
            go(a, bar * val(node))
        case ("softplus", a):
            go(a, bar / (1.0 + np.exp(-val(a))))
        case ("mean", a):
            go(a, np.full(np.shape(val(a)), bar / np.size(val(a))))


# the model: Hill kinetics with decay, softplus baseline, ridge on the log parameters ---------

SATURATION = ("/", ("^", "s", "hill"), ("+", ("^", "s", "hill"), ("^", ("exp", "log_km"), "hill")))
RATE = ("*", ("*", ("exp", "log_vmax"), SATURATION), ("exp", ("-", 0, ("*", "decay", "t"))))
CURVE = ("+", RATE, ("softplus", ("+", "base", ("*", "slope", "t"))))
RESIDUAL = ("-", CURVE, "obs")
RIDGE = ("*", 0.05, ("+", ("^", ("-", "hill", 1), 2), ("*", "log_vmax", "log_vmax")))
COST = ("+", ("mean", ("*", ("/", RESIDUAL, "noise"), ("/", RESIDUAL, "noise"))), RIDGE)


def make_problem(n_obs=6, n_replicates=2):
    rng = np.random.default_rng(n_obs + 31 * n_replicates)
    s = np.linspace(0.3, 3.0, n_obs)[:, None] * np.ones(n_replicates)
    data = dict(s=s, t=rng.uniform(0.1, 2.0, s.shape), noise=rng.uniform(0.3, 0.6, s.shape),
                obs=2 * s / (1 + s) + 0.2 * rng.standard_normal(s.shape))
    x0 = {"log_vmax": 0.4 + 0.2 * rng.standard_normal(n_replicates), "log_km": np.array([0.2]),
          "hill": np.array([1.4]), "decay": 0.3 + 0.1 * rng.standard_normal(n_replicates),
          "base": rng.standard_normal(n_replicates) - 0.5, "slope": np.array([-0.2])}

    def fun(x):
        env, vals = data | x, {}
        cost = np.sum(evaluate(COST, env, vals))
        acc = defaultdict(float)
        adjoint(COST, np.ones(n_replicates), env, vals, acc)
        return cost, {name: acc[name] for name in x}

    return fun, x0
