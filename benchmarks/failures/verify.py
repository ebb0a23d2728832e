"""Run every case and measure its fault without gradaudit: ``python -m benchmarks.failures.verify``.

One line a case: what the solver said, and the errors of the derivatives it was given (gradient,
Hessian, Jacobian, constraints) against central differences, the worst of four points: the start,
the end, and a point beside each. Lines that contradict their label end in ``<--`` and the reason.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import scipy.integrate
import scipy.optimize

from benchmarks.failures import CASES, Case

GRADIENT = {
    "wrong-gradient", "wrong-scale", "wrong-sign", "zero-gradient", "missing-penalty",
    "extra-penalty", "wrong-penalty", "transposed-block", "wrong-memory-order", "swapped-blocks",
    "block-order", "shifted-block", "wrong-entries", "wrong-row", "wrong-column", "row-scale",
    "column-scale", "log-parameter", "fun-jac-mismatch", "frozen-gradient",
}  # fmt: skip
PART_OF = {
    **dict.fromkeys(GRADIENT, "gradient"),
    "wrong-hessian": "hessian",
    "wrong-jacobian": "jacobian",
    "wrong-constraint-jacobian": "constraint",
}
ALL_RIGHT = {
    "bad-scaling", "unbounded", "dead-start", "infeasible-start", "infeasible-constraints",
    "degenerate-constraints", "domain-edge", "non-finite", "converged", "precision-limit",
    "iteration-limit", "solver-behaviour",
}  # fmt: skip
JUDGED = ALL_RIGHT - {"unbounded"} | set(PART_OF)

Part = tuple[str, Callable[[Any], Any], Callable[[Any], Any]]


def run(case: Case) -> tuple[Any, str]:
    """Call the solver; return its result or None, and what it said."""
    arguments = case.make()
    module = scipy.integrate if case.solver == "solve_ivp" else scipy.optimize
    solver = getattr(module, case.solver)
    if case.solver in ("fmin_cg", "fmin_bfgs"):
        arguments["full_output"] = True
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="ignore"):
        warnings.simplefilter("always")
        try:
            result = solver(**arguments)
        except Exception as error:
            return None, f"{type(error).__name__}: {str(error)[:60]}"
    if not isinstance(result, scipy.optimize.OptimizeResult):
        warned = next((str(one.message)[:40] for one in caught), "")
        return result, f"{result[-1] if isinstance(result, tuple) else result} {warned}"[:70]
    said = str(result.get("message", ""))[:42]
    counts = "/".join(str(result.get(key, "-")) for key in ("nit", "nfev"))
    value = np.nan_to_num(np.ravel(result.get("fun", result.get("y", np.nan)))[-99:])
    return result, f"{'OK' if result.success else 'F '} {said:42s} {counts:>9s} {value[0]:.6g}"


def end_of(case: Case, result: Any, start: Any) -> Any:
    """Return the point the solver stopped at, or the start where it raised."""
    if case.solver == "solve_ivp" and result is not None:
        return result.y[:, -1]
    if isinstance(result, tuple):
        return np.ravel(result[0])
    end = getattr(result, "x", result)
    return start if end is None else np.atleast_1d(end)


def parts_of(case: Case, given: Mapping[str, Any]) -> tuple[Any, list[Part]]:
    """Return the start, and each function with the derivative the solver was given for it."""
    args = given.get("args", ())
    args = args if isinstance(args, tuple) else (args,)
    if case.solver == "solve_ivp":
        t = given["t_span"][0]
        return given["y0"], [
            ("jacobian", lambda y: given["fun"](t, y), lambda y: given["jac"](t, y))
        ]
    if case.solver == "curve_fit":
        x, f, jac = given["xdata"], given["f"], given.get("jac")
        start = given.get("p0", [1.0])
        pair = ("jacobian", lambda p: f(x, *p), lambda p: jac(x, *p) if jac else None)
        return start, [pair] if jac else []
    fun: Any = given.get("fun", given.get("func", given.get("f")))
    jac = given.get("jac", given.get("fprime"))
    name = "jacobian" if case.solver in ("least_squares", "root", "fsolve") else "gradient"
    parts: list[Part] = []
    gradient: Any = None
    if jac is True:
        gradient = lambda x: fun(x, *args)[1]  # noqa: E731
        parts.append((name, lambda x: fun(x, *args)[0], gradient))
    elif callable(jac):
        gradient = lambda x: (fun(x, *args), jac(x, *args))[1]  # noqa: E731
        parts.append((name, lambda x: fun(x, *args), gradient))
    hess, hessp = given.get("hess"), given.get("hessp")
    if callable(hess) and not isinstance(hess, scipy.optimize.HessianUpdateStrategy):
        parts.append(("hessian", gradient, lambda x: hess(x, *args)))
    if callable(hessp):
        columns = lambda x: np.array([hessp(x, e, *args) for e in np.eye(len(x))]).T  # noqa: E731
        parts.append(("hessian", gradient, columns))
    return given["x0"], parts + constraint_parts(given.get("constraints", ()))


def constraint_parts(constraints: Any) -> list[Part]:
    """Return the constraints that come with a derivative."""
    several = constraints if isinstance(constraints, (list, tuple)) else [constraints]
    parts: list[Part] = []
    for one in several:
        fun = one.get("fun") if isinstance(one, dict) else getattr(one, "fun", None)
        jac = one.get("jac") if isinstance(one, dict) else getattr(one, "jac", None)
        if callable(fun) and callable(jac):
            parts.append(("constraint", fun, jac))
    return parts


def derivative_error(function: Any, derivative: Any, x: Any, unit: float) -> float:
    """Error of derivative(x) beside its norm or `unit`, the best of five steps; inf if undefined.

    Central differences of order four, in at most 40 of the entries of x.
    """
    n = len(x)
    columns = np.arange(n) if n <= 40 else np.linspace(0, n - 1, 40).astype(int)
    value = np.atleast_1d(np.array(function(x.copy()), dtype=float)).ravel()
    given = np.array(derivative(x.copy()), dtype=float)
    if given.size != value.size * n or not np.all(np.isfinite(given)):
        return np.inf
    given = given.reshape(value.size, n)[:, columns]
    best = np.inf
    for h in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6):
        numeric = np.empty((value.size, len(columns)))
        for k, i in enumerate(columns):
            e = np.zeros(n)
            e[i] = h * max(1.0, abs(x[i])) if h > 1e-5 else h * max(abs(x[i]), 1e-3)
            at = [np.array(function(x + s * e), dtype=float).ravel() for s in (-2, -1, 1, 2)]
            numeric[:, k] = (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / (12 * e[i])
        if not np.all(np.isfinite(numeric)):
            continue
        size = max(np.linalg.norm(numeric), np.linalg.norm(given), unit)
        error = np.linalg.norm(numeric - given) / size if size > 0 else 0.0
        best = min(best, float(error))
    return best


def measure(case: Case, result: Any) -> dict[str, float]:
    """Return the worst error of each kind of derivative over four points."""
    start, parts = parts_of(case, case.make())
    start = np.atleast_1d(np.array(start, dtype=float)).ravel()
    end = np.array(end_of(case, result, start), dtype=float)
    rng = np.random.default_rng(1)
    points = [start, end]
    for base in (start, end):
        points.append(
            base * (1 + 0.1 * rng.normal(size=base.shape)) + 1e-3 * rng.normal(size=base.shape)
        )
    errors: dict[str, float] = {}
    for name, function, derivative in parts:
        try:
            first = np.array(derivative(start.copy()), dtype=float)
            level = 1e-10 * np.linalg.norm(np.array(function(start.copy()), dtype=float))
        except Exception:
            first, level = np.zeros(1), 0.0
        unit = max(1e-5 * float(np.linalg.norm(first)), float(level))
        unit = unit if np.isfinite(unit) else 0.0
        for point in points:
            try:
                error = derivative_error(function, derivative, point, unit)
            except Exception:  # outside the domain, or the fault itself
                error = np.inf
            if np.isfinite(error):
                errors[name] = max(errors.get(name, 0.0), error)
    return errors


def contradiction(case: Case, result: Any, errors: Mapping[str, float]) -> str:
    """Say what in the measurements contradicts the label, or nothing."""
    parts = {PART_OF.get(slug, "") for slug in case.expected}
    for part in parts:
        if "" not in parts and errors.get(part, np.inf) < 1e-6:
            return f"{part} looks right"
    for part, error in errors.items():
        of_wrong = part == "hessian" and "gradient" in parts  # compared with a wrong gradient
        if part not in parts and not of_wrong and case.expected <= JUDGED and error > 1e-3:
            return f"{part} looks wrong ({error:.1e})"
    if not case.expected and result is None:
        return "raised"
    return ""


def examine(case: Case) -> tuple[str, dict[str, float], str]:
    """Return what the solver said, the errors measured, and what contradicts the label."""
    result, said = run(case)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        errors = measure(case, result)
    return said, errors, contradiction(case, result, errors)


def load(path: str) -> dict[str, Case]:
    """Return the CASES of a file outside the package."""
    spec = importlib.util.spec_from_file_location("cases_of_a_file", path)
    if spec is None or spec.loader is None:
        raise SystemExit(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.CASES


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", help="parts of names")
    parser.add_argument("--file", help="a module with CASES of its own")
    chosen = parser.parse_args()
    cases = load(chosen.file) if chosen.file else CASES
    for name, case in cases.items():
        if chosen.only and not any(part in name for part in chosen.only):
            continue
        begin = time.perf_counter()
        said, errors, against = examine(case)
        shown = ", ".join(f"{part} {error:.0e}" for part, error in errors.items())
        method = str(case.make().get("method") or case.solver)
        label = ",".join(sorted(case.expected))[:40] or "-"
        print(
            f"{name[:44]:44s} {label:40s} {method[:12]:12s} {time.perf_counter() - begin:5.2f}s "
            f"{said:70s} {shown}{' <-- ' + against if against else ''}",
            flush=True,
        )


if __name__ == "__main__":
    main()
