"""Run every case and measure its fault without gradaudit: ``python -m benchmarks.failures.verify``.

One line a case: what the solver said, the error of the returned derivatives against central
differences at the start, the end and two points beside them, and the roughness of the cost. Lines
that contradict their label end in ``<--`` and the reason.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
import warnings
from typing import Any

import numpy as np
import scipy.integrate
import scipy.optimize

from benchmarks.failures import CASES, Case

DERIVATIVE = {
    "wrong-gradient", "wrong-scale", "wrong-sign", "zero-gradient", "missing-penalty",
    "extra-penalty", "wrong-penalty", "transposed-block", "wrong-memory-order", "swapped-blocks",
    "block-order", "shifted-block", "wrong-entries", "wrong-row", "wrong-column", "row-scale",
    "column-scale", "log-parameter", "fun-jac-mismatch", "frozen-gradient",
}  # fmt: skip


def run(case: Case) -> tuple[Any, str]:
    """Call the solver; return its result or None, and what it said."""
    arguments = case.make()
    module = scipy.integrate if case.solver == "solve_ivp" else scipy.optimize
    solver = getattr(module, case.solver)
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            full = {"full_output": True} if case.solver in ("fmin_cg", "fmin_bfgs") else {}
            result = solver(**arguments, **full)
        except Exception as error:
            return None, f"{type(error).__name__}: {str(error)[:70]}"
    if not isinstance(result, scipy.optimize.OptimizeResult):
        warned = next((str(one.message)[:50] for one in caught), "")
        flag = f"warnflag {result[-1]} f={result[1]:.6g}" if full else ""
        if case.solver == "fmin_l_bfgs_b":
            flag = f"{result[2]['task']} {result[2]['nit']}/{result[2]['funcalls']} f={result[1]}"
        return result, f"tuple {flag}{warned} x={np.ravel(result[0])[:3]}"
    said = str(result.get("message", ""))[:42]
    counts = "/".join(str(result.get(key, "-")) for key in ("nit", "nfev"))
    cost = np.ravel(result.get("fun", result.get("y", np.nan)))
    value = float(cost[0]) if len(cost) == 1 else float(np.linalg.norm(np.nan_to_num(cost[-99:])))
    return result, f"{'OK' if result.success else 'F '} {said:42s} {counts:>9s} f={value:.6g}"


def scalar(arguments: dict[str, Any]) -> tuple[Any, Any] | None:
    """Return cost and gradient of a `minimize` case, or None without a gradient."""
    fun: Any = arguments.get("fun", arguments.get("func", arguments.get("f")))
    jac = arguments.get("jac", arguments.get("fprime"))
    args = arguments.get("args", ())
    args = args if isinstance(args, tuple) else (args,)
    if jac is True:
        return (lambda x: float(np.squeeze(fun(x, *args)[0]))), (lambda x: fun(x, *args)[1])
    cost = lambda x: float(np.squeeze(fun(x, *args)))  # noqa: E731
    return cost, ((lambda x: (cost(x), jac(x, *args))[1]) if callable(jac) else None)


def gradient_error(cost: Any, grad: Any, x: Any, unit: float) -> float:
    """Error of grad(x) beside its norm or `unit`, the best of several steps; inf if not finite."""
    x = np.atleast_1d(np.asarray(x, dtype=float)).copy()
    g = np.ravel(np.array(grad(x.copy()), dtype=float))
    entries = np.arange(len(x)) if len(x) <= 40 else np.linspace(0, len(x) - 1, 40).astype(int)
    if len(g) != len(x) or not np.all(np.isfinite(g)):
        return np.inf
    best = np.inf
    for h in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6):
        d = np.empty(len(entries))
        for k, i in enumerate(entries):
            e = np.zeros(len(x))
            e[i] = h * max(1.0, abs(x[i])) if h > 1e-5 else h * max(abs(x[i]), 1e-3)
            near = cost(x + e) - cost(x - e)
            far = cost(x + 2 * e) - cost(x - 2 * e)
            d[k] = (8 * near - far) / (12 * e[i])
        size = max(np.linalg.norm(d), np.linalg.norm(g[entries]), unit)
        error = np.linalg.norm(d - g[entries]) / size if size > 0 else 0.0
        best = min(best, error) if np.isfinite(error) else best
    return float(best)


def roughness(cost: Any, x: Any) -> float:
    """Scatter of f on a line of 41 points 1e-7 apart (relative), beside a cubic, in eps |f|."""
    x = np.atleast_1d(np.asarray(x, dtype=float))
    d = np.random.default_rng(0).normal(size=x.shape) * np.maximum(np.abs(x), 1e-2)
    t = np.linspace(-1, 1, 41)
    values = np.array([cost(x + 1e-7 * step * d) for step in t])
    if not np.all(np.isfinite(values)):
        return np.inf
    middle = values.mean()
    rest = values - middle - np.polyval(np.polyfit(t, values - middle, 3), t)
    return float(np.std(rest) / (2.2e-16 * max(abs(middle), 1e-300)))


def measure(case: Case, result: Any) -> tuple[list[float], float]:
    """Return the gradient's errors at four points, and the roughness at the end."""
    arguments = case.make()
    pair = scalar(arguments)
    if pair is None or case.solver in {"least_squares", "root", "fsolve", "curve_fit", "solve_ivp"}:
        return [], np.nan
    cost, grad = pair
    x0 = np.atleast_1d(np.asarray(arguments["x0"], dtype=float))
    end = result.x if hasattr(result, "x") else x0
    rng = np.random.default_rng(1)
    points = [x0, end]
    for base in (x0, end):
        points.append(
            base * (1 + 0.1 * rng.normal(size=x0.shape)) + 1e-3 * rng.normal(size=x0.shape)
        )
    errors = []
    try:
        unit = 1e-5 * np.linalg.norm(np.ravel(np.array(grad(x0.copy()), float))) if grad else 0.0
        unit = max(unit, 1e-10 * abs(cost(x0.copy()))) if np.isfinite(unit) else 0.0
        for point in points:
            errors.append(gradient_error(cost, grad, point, float(unit)) if grad else np.nan)
        return errors, roughness(cost, end)
    except Exception:
        return errors, np.nan


def contradiction(case: Case, result: Any, errors: list[float]) -> str:
    """Say what in the measurements contradicts the label, or nothing."""
    finite = [error for error in errors if np.isfinite(error)]
    worst = max(finite, default=0.0)
    if case.expected & DERIVATIVE and not case.expected - DERIVATIVE and errors and worst < 1e-6:
        return "gradient looks right"
    if not case.expected and worst > 1e-4:
        return f"gradient looks wrong ({worst:.1e})"
    if not case.expected and result is None:
        return "raised"
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="parts of names")
    parser.add_argument("--file", help="a module with CASES of its own")
    chosen = parser.parse_args()
    cases = CASES
    if chosen.file:
        spec = importlib.util.spec_from_file_location("held", chosen.file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["held"] = module
        spec.loader.exec_module(module)
        cases = module.CASES
    for name, case in cases.items():
        if chosen.only and not any(part in name for part in chosen.only):
            continue
        begin = time.perf_counter()
        result, said = run(case)
        took = time.perf_counter() - begin
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            errors, rough = measure(case, result)
        shown = " ".join(f"{error:.0e}" for error in errors)
        method = case.make().get("method", "") or case.solver
        label = ",".join(sorted(case.expected))[:40] or "-"
        against = contradiction(case, result, errors)
        print(
            f"{name[:44]:44s} {label:40s} {str(method)[:12]:12s} {took:5.2f}s {said:70s} "
            f"[{shown}] rough {rough:.0f}{' <-- ' + against if against else ''}",
            flush=True,
        )


if __name__ == "__main__":
    main()
