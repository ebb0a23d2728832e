"""What the message of an optimizer means?

SciPy's solvers end with a sentence that is written for the author of the algorithm. Here each one
has its meaning in plain words, for the solvers and the texts of SciPy 1.12 to 1.18 (and the older
ones that people still quote). A meaning tells which test of the solver ended the run. It is no
verdict: most wrong gradients end in a message of success. The sentences stand in `sentences`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gradaudit.optimizers.sentences import (
    AMBIGUOUS,
    METHODS,
    OPTION_NAMES,
    SHARED,
    SOLVERS,
    STATUSES,
    TABLES,
    Kind,
    Row,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a message says.

    Attributes
    ----------
    kind : str
        Which sort of test ended the run: ``"converged"``, ``"limit"`` (of iterations, evaluations
        or time), ``"line-search"``, ``"precision"``, ``"non-finite"``, ``"constraints"``,
        ``"curvature"`` (Hessian, model or Jacobian unusable), ``"no-progress"``,
        ``"stopped-by-callback"``, ``"error"`` (refused, or broken off) or ``"unknown"``.
    text : str
        The meaning in plain words, without advice.
    tolerance : str
        The options of the solver that govern it, separated by commas, or "".
    """

    kind: Kind
    text: str
    tolerance: str = ""


def read_message(
    solver: str,
    method: str,
    status: int | None,
    message: str | bytes | Iterable[str],
    success: bool | None,
) -> Meaning:
    """Translate how a solver ended into plain words.

    Parameters
    ----------
    solver : str
        Name of the function that was called, such as ``"minimize"`` or ``"fmin_l_bfgs_b"``.
    method : str
        Its method in any case, or "" for the default.
    status : int or None
        The status, ``ier``, ``warnflag`` or exit mode; it is read when there is no message.
    message : str or bytes or iterable of str
        The message, the text of the exception, or of the warning. Older versions of L-BFGS-B give
        bytes, basinhopping and dual_annealing a list.
    success : bool or None
        What the solver says of itself, where it says anything.

    Returns
    -------
    Meaning
        Of kind ``"unknown"`` when the message is in no table.

    Examples
    --------
    >>> read_message("minimize", "L-BFGS-B", 2, "ABNORMAL: ", False).kind
    'line-search'
    >>> read_message(
    ...     "fmin_l_bfgs_b", "", 0, b"CONVERGENCE: REL_REDUCTION_OF_F_<=_FACTR*EPSMCH", True
    ... ).tolerance
    'factr'
    """
    family = _find_family(solver.strip().lower(), method.strip().lower())
    said = _normalize(message)
    if not said and status is not None:
        said = STATUSES.get(family, {}).get(status, "")
    row = next((row for row in _find_rows(family) if row.fragment in said), None)
    if row is None:
        return Meaning(kind="unknown", text=_tell_unknown(said, status, success))
    return Meaning(kind=row.kind, text=row.text, tolerance=_rename(solver, method, row.tolerance))


def _normalize(message: str | bytes | Iterable[str]) -> str:
    """Return the message as one line of lower case, without the dress of bytes or of a list."""
    if isinstance(message, bytes):
        message = message.decode("ascii", "replace")
    if not isinstance(message, str):
        message = " ".join(message)
    said = " ".join(message.replace("\\n", " ").lower().split())
    return said[2:-1] if said.startswith(("b'", 'b"')) else said


def _find_family(solver: str, method: str) -> str:
    """Return the name of the table that a solver's messages are in, or "" when it is not known."""
    family = SOLVERS.get(solver, solver if solver in TABLES else "")
    methods = METHODS.get(solver, {})
    return methods.get(method, family)


def _find_rows(family: str) -> Iterator[Row]:
    """Yield the rows to try: the solver's own, then what several say, then those of strangers."""
    yield from TABLES.get(family, ())
    yield from SHARED
    if not family:
        for rows in TABLES.values():
            yield from (row for row in rows if row.fragment not in AMBIGUOUS)


def _tell_unknown(said: str, status: int | None, success: bool | None) -> str:
    """Say that a message is not known, and what is left to go by."""
    what = "This message is not known to gradaudit" if said else "The solver left no message"
    code = "" if status is None else f" (status {status})"
    if success is None:
        return f"{what}{code}; whether it succeeded is not said."
    return f"{what}{code}; it reports {'success' if success else 'failure'}."


def _rename(solver: str, method: str, tolerance: str) -> str:
    """Name the options as the function calls them that was called."""
    names = OPTION_NAMES.get(solver.strip().lower(), {})
    if (solver.strip().lower(), method.strip().lower()) == ("root", "lm"):
        names = {"maxfev": "maxiter"}
    return ", ".join(names.get(name, name) for name in tolerance.split(", "))
