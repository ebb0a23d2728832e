"""One call of a solver, as it was made: SciPy's many signatures in one vocabulary."""

from __future__ import annotations

import copy
import functools
import inspect
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from typing import Any, Final, Literal, cast

import numpy as np
import scipy.integrate  # pyright: ignore[reportMissingTypeStubs]
import scipy.optimize  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

from gradaudit.errors import ArgumentError

Kind = Literal["minimize", "residual", "root", "ode", "curve"]
ConstraintKind = Literal["eq", "ineq", "nonlinear", "linear"]
Vector = NDArray[np.float64]

# SciPy has no types
_optimize: Final[Any] = scipy.optimize
_integrate: Final[Any] = scipy.integrate

METHODS: Final = (
    "Nelder-Mead",
    "Powell",
    "CG",
    "BFGS",
    "Newton-CG",
    "L-BFGS-B",
    "TNC",
    "COBYLA",
    "COBYQA",
    "SLSQP",
    "trust-constr",
    "dogleg",
    "trust-ncg",
    "trust-exact",
    "trust-krylov",
)
# these never ask for a gradient
DERIVATIVE_FREE: Final = ("Nelder-Mead", "Powell", "COBYLA", "COBYQA")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """Where one solver of SciPy's keeps what all of them have.

    Attributes
    ----------
    function : callable
        The solver itself, unpatched.
    kind : Kind
        What it does with the function.
    fun, x0, jac, hess, hessp : str
        Names of the parameters; "" when it has none.
    method : str
        The method, or the default of a solver that has a choice.
    renamed : mapping
        Its names for the options of `minimize`.
    first : int
        Which positional argument of the function is the point.
    """

    function: Callable[..., Any]
    kind: Kind
    fun: str
    x0: str
    jac: str = ""
    hess: str = ""
    hessp: str = ""
    method: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])


def _line_search(function: Callable[..., Any], method: str, **names: Any) -> Signature:
    return Signature(
        function=function, kind="minimize", fun="f", x0="x0", jac="fprime", method=method, **names
    )


_BY_EVALUATIONS: Final = {"maxiter": "maxfev", "tol": "xtol"}
SOLVERS: Final[Mapping[str, Signature]] = {
    "minimize": Signature(
        function=_optimize.minimize,
        kind="minimize",
        fun="fun",
        x0="x0",
        jac="jac",
        hess="hess",
        hessp="hessp",
    ),
    "fmin_bfgs": _line_search(_optimize.fmin_bfgs, "BFGS"),
    "fmin_cg": _line_search(_optimize.fmin_cg, "CG"),
    "fmin_ncg": _line_search(
        _optimize.fmin_ncg, "Newton-CG", hess="fhess", hessp="fhess_p", renamed={"xtol": "avextol"}
    ),
    "fmin_l_bfgs_b": Signature(
        function=_optimize.fmin_l_bfgs_b,
        kind="minimize",
        fun="func",
        x0="x0",
        jac="fprime",
        method="L-BFGS-B",
        renamed={"gtol": "pgtol"},
    ),
    "fmin_tnc": Signature(
        function=_optimize.fmin_tnc,
        kind="minimize",
        fun="func",
        x0="x0",
        jac="fprime",
        method="TNC",
        renamed={"gtol": "pgtol", "maxiter": "maxfun"},
    ),
    "fmin_slsqp": Signature(
        function=_optimize.fmin_slsqp,
        kind="minimize",
        fun="func",
        x0="x0",
        jac="fprime",
        method="SLSQP",
        renamed={"maxiter": "iter", "ftol": "acc", "tol": "acc"},
    ),
    "fmin": Signature(
        function=_optimize.fmin, kind="minimize", fun="func", x0="x0", method="Nelder-Mead"
    ),
    "fmin_powell": Signature(
        function=_optimize.fmin_powell, kind="minimize", fun="func", x0="x0", method="Powell"
    ),
    "least_squares": Signature(
        function=_optimize.least_squares,
        kind="residual",
        fun="fun",
        x0="x0",
        jac="jac",
        method="trf",
        renamed={"maxiter": "max_nfev"},
    ),
    "leastsq": Signature(
        function=_optimize.leastsq,
        kind="residual",
        fun="func",
        x0="x0",
        jac="Dfun",
        method="lm",
        renamed=_BY_EVALUATIONS,
    ),
    "curve_fit": Signature(function=_optimize.curve_fit, kind="curve", fun="f", x0="p0", jac="jac"),
    "root": Signature(
        function=_optimize.root, kind="root", fun="fun", x0="x0", jac="jac", method="hybr"
    ),
    "fsolve": Signature(
        function=_optimize.fsolve,
        kind="root",
        fun="func",
        x0="x0",
        jac="fprime",
        method="hybr",
        renamed=_BY_EVALUATIONS,
    ),
    "solve_ivp": Signature(
        function=_integrate.solve_ivp, kind="ode", fun="fun", x0="y0", jac="jac", method="RK45"
    ),
}
# parameters that have an attribute of their own, or say nothing about how the solver goes on
_NOT_OPTIONS: Final = frozenset(
    {
        *("args", "bounds", "constraints", "method", "options", "tol", "callback", "kwargs"),
        *("full_output", "retall", "disp", "approx_grad", "eqcons", "f_eqcons", "fprime_eqcons"),
        *("ieqcons", "f_ieqcons", "fprime_ieqcons", "xdata", "ydata", "sigma", "t_span"),
    }
)
# with these, asking for the full output changes nothing but what is returned
_FULL_OUTPUT: Final = (
    "fmin",
    "fmin_powell",
    "fmin_bfgs",
    "fmin_cg",
    "fmin_ncg",
    "fmin_slsqp",
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Constraint:
    """One constraint of a call, in whichever of SciPy's forms it came.

    Attributes
    ----------
    number : int
        1 for the first.
    kind : {"eq", "ineq", "nonlinear", "linear"}
        "eq" means fun = 0, "ineq" means fun >= 0, the others lower <= fun <= upper.
    fun, jac, hess : callable or None
        ``fun(x, *args)``, ``jac(x, *args)``, ``hess(x, v)``; None where SciPy takes differences.
    args : tuple
        Further arguments of a constraint given as a dict.
    lower, upper : float or ndarray
        The bounds of `fun`.
    original : object
        As it was given, or the name of the parameter of `fmin_slsqp` it came in.
    """

    number: int
    kind: ConstraintKind
    fun: Callable[..., Any]
    jac: Callable[..., Any] | None = None
    args: tuple[Any, ...] = ()
    lower: Any = 0.0
    upper: Any = 0.0
    hess: Any = None
    original: Any = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Call:
    """One call of a solver, as it was made, in one vocabulary.

    Attributes
    ----------
    solver : str
        The function of SciPy's: "minimize", "fmin_bfgs", "least_squares", ...
    method : str
        In SciPy's spelling, its default filled in.
    kind : Kind
        "curve" calls ``fun(xdata, *x)``, "ode" calls ``fun(t, y, *args)``, all others
        ``fun(x, *args)``.
    fun : callable
        The very object that was given.
    x0 : object
        As given; what `curve_fit` will choose when it was left out.
    args : tuple
        Further arguments of `fun`, `jac`, `hess` and `hessp`.
    jac : True, callable or None
        True when `fun` returns the pair; None when SciPy takes differences. A constant Jacobian
        of `solve_ivp` becomes a function.
    hess, hessp : callable or None
    bounds : object
        As given.
    constraints : tuple of Constraint
    tol : float or None
    options : mapping
        The solver's own settings, those that were given.
    column_derivatives : bool
        The Jacobian has derivatives down its columns (`col_deriv`).
    given : mapping
        Every argument that was given, under SciPy's name for it.
    function : callable
        What was called, SciPy's own function as a rule.
    """

    solver: str
    method: str
    kind: Kind
    fun: Callable[..., Any]
    x0: Any
    args: tuple[Any, ...] = ()
    jac: Any = None
    hess: Any = None
    hessp: Any = None
    bounds: Any = None
    constraints: tuple[Constraint, ...] = ()
    tol: float | None = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])
    column_derivatives: bool = False
    given: Mapping[str, Any] = field(default_factory=dict[str, Any], repr=False)
    function: Callable[..., Any] = field(repr=False)

    @property
    def signature(self) -> Signature:
        """Where the solver keeps what."""
        return SOLVERS[self.solver]

    @property
    def start(self) -> Vector | None:
        """A flat copy of x0 in float64; None when there is none or it is not numeric."""
        if self.x0 is None:
            return None
        try:
            flat: Any = np.array(self.x0).reshape(-1)
            return (flat.real if flat.dtype.kind == "c" else flat).astype(np.float64)
        except (TypeError, ValueError):
            return None

    @property
    def size(self) -> int:
        """The number of unknowns; 0 when it is not known."""
        start = self.start
        return 0 if start is None else start.size

    def run(
        self,
        *,
        fun: Callable[..., Any] | None = None,
        jac: Any = None,
        hess: Any = None,
        hessp: Any = None,
        constraints: Sequence[Constraint] | None = None,
        x0: Any = None,
        options: Mapping[str, Any] | None = None,
        full: bool = False,
    ) -> Any:
        """Call SciPy's function, with these in place of the user's.

        Parameters
        ----------
        fun, hess, hessp : callable, optional
            With the arguments, and the results, of what they replace.
        jac : callable or bool, optional
            True when `fun` returns the pair; False lets SciPy take differences (of a `fun` given
            here, or of the first part of the user's pair).
        constraints : sequence of Constraint, optional
            All of them, changed with `dataclasses.replace`.
        x0 : array_like, optional
            Another start.
        options : mapping, optional
            Merged over the user's; `minimize`'s names are translated.
        full : bool
            Ask for the full output where this changes nothing but what is returned.

        Returns
        -------
        object
            What SciPy returns.
        """
        given = dict(self.given)
        names = self.signature
        for name, value in (
            (names.fun, fun),
            (names.x0, x0),
            (names.hess, hess),
            (names.hessp, hessp),
        ):
            if name and value is not None:
                given[name] = value
        if jac is not None:
            self._give_jacobian(given, jac, fun)
        if constraints is not None:
            _give_constraints(given, self, constraints)
        if options:
            self._give_options(given, options)
        if full and self.can_be_full:
            given["full_output"] = True
        return _called(self.function, given)

    @property
    def can_be_full(self) -> bool:
        """Whether more can be had than was asked for without changing the run."""
        return self.solver in _FULL_OUTPUT and not self.given.get("full_output")

    def as_asked(self, full: Any) -> Any:
        """Reduce what ``run(full=True)`` returned to what the call was to return."""
        if not self.can_be_full:
            return full
        return (full[0], full[-1]) if self.given.get("retall") else full[0]

    def _give_jacobian(
        self, given: dict[str, Any], jac: Any, fun: Callable[..., Any] | None
    ) -> None:
        name = self.signature.jac
        if not name:
            return
        if jac is False and self.jac is True and fun is None:
            given[self.signature.fun] = first_part(self.fun)
        if self.solver in ("fmin_l_bfgs_b", "fmin_tnc"):
            given["approx_grad"] = jac is False
            given[name] = None if isinstance(jac, bool) else jac
        elif jac is False:
            # fmin_ncg cannot do without; nothing can be left out of it either
            given[name] = "2-point" if self.solver == "least_squares" else None
        else:
            given[name] = jac

    def _give_options(self, given: dict[str, Any], options: Mapping[str, Any]) -> None:
        if self.solver in ("minimize", "root"):
            given["options"] = {**(given.get("options") or {}), **options}
            return
        known = _signature(self.function).parameters
        for name, value in options.items():
            own = self.signature.renamed.get(name, name)
            if own in known or self.kind in ("curve", "ode"):
                given[own] = value


@functools.lru_cache(maxsize=64)
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def _called(function: Callable[..., Any], given: Mapping[str, Any]) -> Any:
    """Call with each argument in its place; what a signature calls ``**kwargs`` is laid out."""
    bound = _signature(function)
    positional: list[Any] = []
    keywords: dict[str, Any] = {}
    for name, value in given.items():
        parameter = bound.parameters.get(name)
        in_order = parameter is not None and parameter.kind is not parameter.KEYWORD_ONLY
        if in_order and len(positional) == list(bound.parameters).index(name) and not keywords:
            positional.append(value)
        else:
            keywords[name] = value
    return function(*positional, **keywords)


def first_part(fun: Callable[..., Any]) -> Callable[..., Any]:
    """Return the cost alone of a function that returns the pair."""

    @functools.wraps(fun, assigned=())
    def cost(*arguments: Any, **keywords: Any) -> Any:
        return fun(*arguments, **keywords)[0]

    return cost


# reading ---------------------------------------------------------------------------------------


def read_call(
    function: Callable[..., Any],
    positional: Sequence[Any],
    keywords: Mapping[str, Any],
    solver: str,
) -> Call | None:
    """Read the arguments of a call of one of SciPy's solvers.

    Parameters
    ----------
    function : callable
        The solver, for its signature.
    positional, keywords : tuple, dict
        As they were passed.
    solver : str
        A key of `SOLVERS`.

    Returns
    -------
    Call or None
        None when nothing can be watched, such as with arguments that SciPy will refuse.
    """
    try:
        given = _bound(function, positional, keywords)
        return _read(solver, given, function)
    except Exception:  # arguments that cannot be read are SciPy's to refuse
        return None


def _bound(
    function: Callable[..., Any], positional: Sequence[Any], keywords: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the arguments by name, those swallowed by ``**kwargs`` among the others."""
    signature = _signature(function)
    bound = signature.bind(*positional, **keywords)
    given: dict[str, Any] = {}
    for name, value in bound.arguments.items():
        if signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
            given.update(cast("dict[str, Any]", value))
        else:
            given[name] = value
    return given


def _read(solver: str, given: dict[str, Any], function: Callable[..., Any]) -> Call | None:
    names = SOLVERS[solver]
    fun = given.get(names.fun)
    if not callable(fun):
        return None
    call = Call(
        solver=solver,
        method=_method(solver, given),
        kind=names.kind,
        fun=fun,
        x0=_fit_start(given) if names.kind == "curve" else given.get(names.x0),
        args=_arguments(given.get("args", ())),
        jac=_jacobian(solver, given),
        hess=_function(given.get(names.hess)),
        hessp=_function(given.get(names.hessp)),
        bounds=given.get("bounds"),
        constraints=_constraints(solver, given),
        tol=given.get("tol"),
        options=_options(names, given),
        column_derivatives=bool(_setting(given, "col_deriv")),
        given=given,
        function=function,
    )
    return call if call.size else None


def _setting(given: Mapping[str, Any], name: str) -> Any:
    options: Any = given.get("options") or {}
    return given.get(name, options.get(name))


def _method(solver: str, given: Mapping[str, Any]) -> str:
    method = given.get("method")
    if solver == "minimize":
        if method is None:
            return _default_method(given)
        return _spelled(method, METHODS)
    if solver == "curve_fit" and method is None:
        return "trf" if _is_bounded(given.get("bounds")) else "lm"
    if method is not None and "method" in _signature(SOLVERS[solver].function).parameters:
        return _spelled(method, ())
    return SOLVERS[solver].method


def _default_method(given: Mapping[str, Any]) -> str:
    constraints = given.get("constraints", ())
    if not isinstance(constraints, list | tuple | dict) or constraints:
        return "SLSQP"
    return "BFGS" if given.get("bounds") is None else "L-BFGS-B"


def _fit_start(given: Mapping[str, Any]) -> Any:
    """Return the start of a fit, the middle of its bounds or ones where it was not given."""
    if given.get("p0") is not None:
        return given["p0"]
    count = len(inspect.signature(given["f"]).parameters) - 1
    bounds = given.get("bounds", (-math.inf, math.inf))
    lower, upper = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    low = np.broadcast_to(np.asarray(lower, dtype=np.float64), (count,))
    high = np.broadcast_to(np.asarray(upper, dtype=np.float64), (count,))
    with np.errstate(invalid="ignore"):
        inside = np.where(np.isfinite(low), low + 1.0, np.where(np.isfinite(high), high - 1.0, 1.0))
        return np.where(np.isfinite(low) & np.isfinite(high), 0.5 * (low + high), inside)


def _spelled(method: Any, known: Iterable[str]) -> str:
    if isinstance(method, str):
        return next((name for name in known if name.lower() == method.lower()), method)
    return getattr(method, "__name__", type(method).__name__)


def _is_bounded(bounds: Any) -> bool:
    if bounds is None:
        return False
    lower, upper = (bounds.lb, bounds.ub) if hasattr(bounds, "lb") else bounds
    return bool(np.any(np.asarray(lower) > -math.inf) or np.any(np.asarray(upper) < math.inf))


def _arguments(args: Any) -> tuple[Any, ...]:
    return cast("tuple[Any, ...]", args) if isinstance(args, tuple) else (args,)


def _function(value: Any) -> Callable[..., Any] | None:
    return value if callable(value) and not isinstance(value, type) else None


def _jacobian(solver: str, given: Mapping[str, Any]) -> Any:
    """Return what the solver will use: True, a function, or None."""
    name = SOLVERS[solver].jac
    if not name:
        return None
    jac = given.get(name)
    if solver in ("fmin_l_bfgs_b", "fmin_tnc"):
        if given.get("approx_grad"):
            return None
        return True if jac is None else _function(jac)
    if callable(jac):
        return cast("Callable[..., Any]", jac)
    if solver == "minimize":
        return True if jac is True else None
    if solver == "root":
        splits = str(given.get("method", "hybr")).lower() in ("hybr", "lm")
        return True if splits and bool(jac) else None
    if solver == "solve_ivp" and jac is not None:
        return _constant(jac)
    return None


def _constant(matrix: Any) -> Callable[..., Any]:
    def jacobian(_time: float, _state: Any, *_args: Any) -> Any:
        return matrix

    return jacobian


def _options(names: Signature, given: Mapping[str, Any]) -> dict[str, Any]:
    own = {names.fun, names.x0, names.jac, names.hess, names.hessp}
    options = dict(given.get("options") or {})
    options.update({k: v for k, v in given.items() if k not in own and k not in _NOT_OPTIONS})
    return options


# constraints -----------------------------------------------------------------------------------

_SLSQP_PARAMETERS: Final = (
    ("eqcons", "eq", ""),
    ("f_eqcons", "eq", "fprime_eqcons"),
    ("ieqcons", "ineq", ""),
    ("f_ieqcons", "ineq", "fprime_ieqcons"),
)


def _constraints(solver: str, given: Mapping[str, Any]) -> tuple[Constraint, ...]:
    if solver == "fmin_slsqp":
        return _constraints_of_slsqp(given)
    constraints = given.get("constraints", ())
    if solver != "minimize" or constraints is None:
        return ()
    return tuple(
        _constraint(number, original)
        for number, original in enumerate(_listed(constraints), start=1)
    )


def _listed(constraints: Any) -> list[Any]:
    if isinstance(constraints, list | tuple):
        return list(cast("list[Any]", constraints))
    if isinstance(constraints, (dict, _optimize.NonlinearConstraint, _optimize.LinearConstraint)):
        return [constraints]
    return list(constraints)


def _constraint(number: int, original: Any) -> Constraint:
    if isinstance(original, _optimize.NonlinearConstraint):
        return Constraint(
            number=number,
            kind="nonlinear",
            fun=original.fun,
            jac=_function(original.jac),
            hess=_function(original.hess),
            lower=original.lb,
            upper=original.ub,
            original=original,
        )
    if isinstance(original, _optimize.LinearConstraint):
        return _linear(number, original)
    kind = str(original["type"]).lower()
    return Constraint(
        number=number,
        kind="eq" if kind == "eq" else "ineq",
        fun=original["fun"],
        jac=_function(original.get("jac")),
        args=_arguments(original.get("args", ())),
        upper=0.0 if kind == "eq" else math.inf,
        original=original,
    )


def _linear(number: int, original: Any) -> Constraint:
    matrix = original.A if hasattr(original.A, "tocsr") else np.atleast_2d(original.A)

    def values(x: Any) -> Any:
        return matrix @ x

    def rows(_x: Any) -> Any:
        return matrix

    return Constraint(
        number=number,
        kind="linear",
        fun=values,
        jac=rows,
        lower=original.lb,
        upper=original.ub,
        original=original,
    )


def _constraints_of_slsqp(given: Mapping[str, Any]) -> tuple[Constraint, ...]:
    found: list[Constraint] = []
    for parameter, kind, derivative in _SLSQP_PARAMETERS:
        value = given.get(parameter)
        functions = [value] if callable(value) else list(value or ())
        found += [
            Constraint(
                number=len(found) + 1 + i,
                kind=cast("ConstraintKind", kind),
                fun=function,
                jac=_function(given.get(derivative)),
                args=_arguments(given.get("args", ())),
                upper=0.0 if kind == "eq" else math.inf,
                original=parameter,
            )
            for i, function in enumerate(functions)
        ]
    return tuple(found)


def _give_constraints(given: dict[str, Any], call: Call, constraints: Sequence[Constraint]) -> None:
    """Put constraints back into the form they came in."""
    if call.solver == "fmin_slsqp":
        _give_constraints_of_slsqp(given, constraints)
    elif call.solver == "minimize" and "constraints" in given:
        given["constraints"] = [_as_given(constraint) for constraint in constraints]


def _give_constraints_of_slsqp(given: dict[str, Any], constraints: Sequence[Constraint]) -> None:
    for parameter, _kind, derivative in _SLSQP_PARAMETERS:
        if parameter not in given:
            continue
        own = [constraint for constraint in constraints if constraint.original == parameter]
        if not derivative:
            given[parameter] = [constraint.fun for constraint in own]
        elif own:
            given[parameter] = own[0].fun
            if own[0].jac is not None:
                given[derivative] = own[0].jac


def _as_given(constraint: Constraint) -> Any:
    original = constraint.original
    if isinstance(original, _optimize.LinearConstraint):
        return original
    changed: Any = copy.copy(original)
    parts = {"fun": constraint.fun, "jac": constraint.jac, "hess": constraint.hess}
    for name, value in parts.items():
        if value is None:
            continue
        if isinstance(original, _optimize.NonlinearConstraint):
            setattr(changed, name, value)
        elif name != "hess":
            changed[name] = value
    return changed


# the door of `diagnose` ------------------------------------------------------------------------


def minimize_call(
    fun: Callable[..., Any],
    x0: Any,
    *,
    method: Any = None,
    jac: Any = None,
    args: Any = (),
    bounds: Any = None,
    constraints: Any = (),
    hess: Any = None,
    hessp: Any = None,
    tol: float | None = None,
    options: Mapping[str, Any] | None = None,
) -> Call:
    """Describe a call of `scipy.optimize.minimize` that is still to be made.

    Parameters
    ----------
    fun, x0, method, jac, args, bounds, constraints, hess, hessp, tol, options
        As in `scipy.optimize.minimize`.

    Raises
    ------
    ArgumentError
        For an unknown method, and for arguments that `minimize` cannot use.
    """
    _require_usable(fun, method, options)
    given: dict[str, Any] = {"fun": fun, "x0": x0, "args": args, "method": method, "jac": jac}
    given |= {"hess": hess, "hessp": hessp, "bounds": bounds, "constraints": constraints}
    given |= {"tol": tol, "options": None if options is None else dict(options)}
    try:
        call = _read("minimize", given, _optimize.minimize)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        raise ArgumentError(f"the constraints cannot be read: {error!r}") from error
    if call is None:
        raise ArgumentError(f"x0 is {x0!r} ({type(x0).__name__}); give an array of numbers")
    # SciPy prefers its own spelling of nothing
    return replace(call, given={name: value for name, value in given.items() if value is not None})


def _require_usable(fun: Any, method: Any, options: Any) -> None:
    if not callable(fun):
        raise ArgumentError(f"fun is {fun!r} ({type(fun).__name__}); give a function")
    if options is not None and not isinstance(options, Mapping):
        raise ArgumentError(f"options is {options!r} ({type(options).__name__}); give a dict")
    if method is None or callable(method):
        return
    known = {name.lower(): name for name in METHODS}
    if isinstance(method, str) and method.lower() in known:
        return
    near = get_close_matches(str(method).lower(), known, n=1, cutoff=0.5)
    hint = f"did you mean {known[near[0]]!r}?" if near else f"SciPy has {', '.join(METHODS)}"
    raise ArgumentError(f"no method of minimize is called {method!r}; {hint}")


# what came of it -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Outcome:
    """What a solver returned, whichever it was.

    Attributes
    ----------
    x : ndarray or None
        Where it stopped.
    fun : float
        The final cost; half the sum of squares where there are several components; nan when it
        was not returned.
    success : bool or None
        None when the solver did not say.
    status : int or None
    message : str
        In SciPy's words; "" when it was not returned.
    nit, nfev, njev : int or None
    gradient : ndarray or None
        As returned, the projected gradient of some methods.
    """

    x: Vector | None = None
    fun: float = math.nan
    success: bool | None = None
    status: int | None = None
    message: str = ""
    nit: int | None = None
    nfev: int | None = None
    njev: int | None = None
    gradient: Vector | None = None


_LINE_SEARCH_MESSAGES: Final = {
    0: "Optimization terminated successfully.",
    1: "Maximum number of iterations has been exceeded.",
    2: "Desired error not necessarily achieved due to precision loss.",
    3: "NaN result encountered.",
}
_SIMPLEX_MESSAGES: Final = {
    0: "Optimization terminated successfully.",
    1: "Maximum number of function evaluations has been exceeded.",
    2: "Maximum number of iterations has been exceeded.",
    3: "NaN result encountered.",
    4: "The result is outside of the provided bounds.",
}
_TNC_MESSAGES: Final = {
    -1: "Infeasible (lower bound > upper bound)",
    0: "Local minimum reached (|pg| ~= 0)",
    1: "Converged (|f_n-f_(n-1)| ~= 0)",
    2: "Converged (|x_n-x_(n-1)| ~= 0)",
    3: "Max. number of function evaluations reached",
    4: "Linear search failed",
    5: "All lower bounds are equal to the upper bounds",
    6: "Unable to progress",
    7: "User requested end of minimization",
}
_LEASTSQ_MESSAGES: Final = {
    0: "Improper input parameters.",
    1: "Both actual and predicted relative reductions in the sum of squares are at most ftol.",
    2: "The relative error between two consecutive iterates is at most xtol.",
    3: "Both relative reductions are at most ftol and the relative error is at most xtol.",
    4: "The cosine of the angle between func(x) and any column of the Jacobian is at most gtol.",
    5: "Number of calls to function has reached maxfev.",
    6: "ftol is too small, no further reduction in the sum of squares is possible.",
    7: "xtol is too small, no further improvement in the approximate solution is possible.",
    8: "gtol is too small, func(x) is orthogonal to the columns of the Jacobian.",
}


def outcome(call: Call, returned: Any) -> Outcome:
    """Read what a solver returned, in whichever form it did.

    Parameters
    ----------
    call : Call
    returned : object
        An `OptimizeResult`, the tuples of the older functions (full output or not), an array.
    """
    try:
        if isinstance(returned, Mapping):
            return _from_result(call, cast("Mapping[str, Any]", returned))
        return _READERS.get(call.solver, _from_point)(call, returned)
    except Exception:  # a result that is not what SciPy documents says nothing
        return Outcome()


def _from_result(call: Call, result: Mapping[str, Any]) -> Outcome:
    if call.kind == "ode":
        states = np.asarray(result["y"])
        x = _flat(states[:, -1]) if states.size else None
        fun = math.nan
    else:
        x = _flat(result.get("x"))
        fun = _cost(result.get("cost", result.get("fun")))
    return Outcome(
        x=x,
        fun=fun,
        success=None if "success" not in result else bool(result["success"]),
        status=_whole(result.get("status")),
        message=_words(result.get("message")),
        nit=_whole(result.get("nit")),
        nfev=_whole(result.get("nfev")),
        njev=_whole(result.get("njev")),
        gradient=_flat(result.get("grad", result.get("jac"))) if call.kind != "ode" else None,
    )


def _from_point(_call: Call, returned: Any) -> Outcome:
    return Outcome(x=_flat(returned))


def _from_line_search(call: Call, returned: Any) -> Outcome:
    """Read ``(x, fun, ..., function calls, gradient calls, warnflag)``."""
    if not isinstance(returned, tuple):
        return Outcome(x=_flat(returned))
    parts = list(cast("tuple[Any, ...]", returned))
    if len(parts) == 2:  # with all points, but without the full output
        return Outcome(x=_flat(parts[0]))
    if call.given.get("retall"):
        parts.pop()
    simplex = call.solver in ("fmin", "fmin_powell")
    messages = _SIMPLEX_MESSAGES if simplex else _LINE_SEARCH_MESSAGES
    status = int(parts[-1])
    counts = {"nit": -3, "nfev": -2} if simplex else {"nfev": -3, "njev": -2}
    if call.solver == "fmin_ncg":
        counts = {"nfev": -4, "njev": -3}
    return Outcome(
        x=_flat(parts[0]),
        fun=_cost(parts[1]),
        success=status == 0,
        status=status,
        message=messages.get(status, ""),
        gradient=_flat(parts[2]) if call.solver == "fmin_bfgs" else None,
        **{name: int(parts[place]) for name, place in counts.items()},
    )


def _from_lbfgsb(_call: Call, returned: Any) -> Outcome:
    x, fun, facts = returned
    return Outcome(
        x=_flat(x),
        fun=_cost(fun),
        success=facts["warnflag"] == 0,
        status=int(facts["warnflag"]),
        message=_words(facts["task"]),
        nit=_whole(facts.get("nit")),
        nfev=_whole(facts.get("funcalls")),
        gradient=_flat(facts.get("grad")),
    )


def _from_tnc(_call: Call, returned: Any) -> Outcome:
    x, count, status = returned
    return Outcome(
        x=_flat(x),
        success=-1 < int(status) < 3,
        status=int(status),
        message=_TNC_MESSAGES.get(int(status), ""),
        nfev=int(count),
    )


def _from_slsqp(_call: Call, returned: Any) -> Outcome:
    if not isinstance(returned, tuple):
        return Outcome(x=_flat(returned))
    x, fun, iterations, status, message = cast("tuple[Any, ...]", returned)
    return Outcome(
        x=_flat(x),
        fun=_cost(fun),
        success=int(status) == 0,
        status=int(status),
        message=_words(message),
        nit=int(iterations),
    )


def _from_fsolve(_call: Call, returned: Any) -> Outcome:
    if not isinstance(returned, tuple):
        return Outcome(x=_flat(returned))
    x, facts, status, message = cast("tuple[Any, ...]", returned)
    return Outcome(
        x=_flat(x),
        fun=_cost(facts["fvec"], squares=True),
        success=int(status) == 1,
        status=int(status),
        message=_words(message),
        nfev=_whole(facts.get("nfev")),
        njev=_whole(facts.get("njev")),
    )


def _from_leastsq(_call: Call, returned: Any) -> Outcome:
    x, status = returned[0], int(returned[-1])
    facts: Any = returned[2] if len(returned) == 5 else {}
    message = _words(returned[3]) if len(returned) == 5 else ""
    return Outcome(
        x=_flat(x),
        fun=_cost(facts.get("fvec"), squares=True),
        success=status in (1, 2, 3, 4),
        status=status,
        message=message or _LEASTSQ_MESSAGES.get(status, ""),
        nfev=_whole(facts.get("nfev")),
        njev=_whole(facts.get("njev")),
    )


def _from_curve_fit(_call: Call, returned: Any) -> Outcome:
    """Read a fit; it has succeeded, or `curve_fit` would have raised."""
    full = len(returned) == 5
    return Outcome(
        x=_flat(returned[0]),
        fun=_cost(returned[2]["fvec"], squares=True) if full else math.nan,
        success=True,
        status=int(returned[4]) if full else None,
        message=_words(returned[3]) if full else "",
        nfev=_whole(returned[2].get("nfev")) if full else None,
    )


_READERS: Final[Mapping[str, Callable[[Call, Any], Outcome]]] = {
    "fmin": _from_line_search,
    "fmin_powell": _from_line_search,
    "fmin_bfgs": _from_line_search,
    "fmin_cg": _from_line_search,
    "fmin_ncg": _from_line_search,
    "fmin_l_bfgs_b": _from_lbfgsb,
    "fmin_tnc": _from_tnc,
    "fmin_slsqp": _from_slsqp,
    "fsolve": _from_fsolve,
    "leastsq": _from_leastsq,
    "curve_fit": _from_curve_fit,
}


def _flat(value: Any) -> Vector | None:
    try:
        array = np.array(value)
        if array.dtype.kind not in "biuf":
            return None
        return array.astype(np.float64).reshape(-1)
    except (TypeError, ValueError):
        return None


def _cost(value: Any, *, squares: bool = False) -> float:
    flat = None if value is None else _flat(value)
    if flat is None or flat.size == 0:
        return math.nan
    if flat.size == 1 and not squares:
        return float(flat[0])
    with np.errstate(all="ignore"):
        return 0.5 * float(flat @ flat)


def _whole(value: Any) -> int | None:
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError):
        return None


def _words(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return "" if value is None else str(value)
