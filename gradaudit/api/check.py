"""Is the gradient right? One number with its bar for each block, and a verdict."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from gradaudit.api.audit import Audit
from gradaudit.api.settings import read_settings
from gradaudit.blocks import BlocksLike
from gradaudit.errors import ArgumentError
from gradaudit.evaluator import Listener
from gradaudit.problem import Problem, as_problem
from gradaudit.results import Report


def check(
    fun: Callable[..., Any] | Problem,
    x0: Any = None,
    *,
    jac: Any = True,
    args: Any = (),
    bounds: Any = None,
    blocks: BlocksLike | None = None,
    points: int = 3,
    dense: bool = False,
    rtol: float = 1e-3,
    negligible: float = 1e-6,
    confidence: float = 0.999,
    only: str | Sequence[str] | None = None,
    allow: str | Sequence[str] = (),
    budget: int | None = None,
    seconds: float | None = None,
    rng: Any = None,
    progress: Listener | None = None,
) -> Report:
    """Check a gradient against its cost, block by block, with error bars.

    Parameters
    ----------
    fun : callable or Problem
        As in `scipy.optimize.minimize`: ``fun(x, *args)`` returns the cost, or with ``jac=True``
        the pair (cost, gradient). A `Problem` carries everything up to `blocks`.
    x0 : number, array_like or container of arrays
        Where to check first.
    jac : bool or callable
        True: `fun` returns the pair. A callable ``jac(x, *args)`` returns the gradient.
    args : tuple
        Further arguments of `fun` and `jac`.
    bounds : sequence of pairs or scipy.optimize.Bounds, optional
        No evaluation leaves them.
    blocks : str, mapping or sequence of Block, optional
        ``"W1=10x784,b1=10"``, a mapping from name to shape in packing order, or blocks with
        their offsets. Left out, they are discovered from the function's own code.
    points : int
        How many points to check at: x0, and random ones away from it.
    dense : bool
        Check every entry on its own, whatever it costs.
    rtol : float
        PASS means that an error of this part of a block's norm would have been seen.
    negligible : float
        A measurable difference below this is noted, not failed.
    confidence : float
        Of the bound on every entry; more of it costs six evaluations for each factor of two.
    only : str or sequence of str, optional
        Names of the blocks to audit.
    allow : str or sequence of str
        Findings that are known and accepted: ``"kink"`` or ``"kink:b1"``.
    budget : int, optional
        Most calls of the user's functions.
    seconds : float, optional
        No call is begun after this time; what was learned is reported.
    rng : None, int, Generator
        Seed of every random choice; the report names it.
    progress : callable, optional
        Told after each call how far things are (see `gradaudit.evaluator.Progress`).

    Returns
    -------
    Report
        With `verdict`, `blocks`, `findings`, `evaluations`.

    Raises
    ------
    ArgumentError, BlockLayoutError
        When an argument cannot be used.
    EvaluationError
        When the function raises at x0; its exception is the cause.
    KeyboardInterrupt
        Passed through, with the report so far as its attribute `gradaudit_report`.

    Notes
    -----
    With ``jac=True`` and B blocks, when nothing is suspicious: one call for discovery, 3 for the
    protocol, 1 for stairs, 2 for lone entries, 20 for the noise, about 8 B + 6 (k - 1) + 14 at the
    first point, where k is the number of sign patterns that `confidence` needs (10 for 0.999),
    and 11 + 6 B at each further point. For few parameters (and with `dense`) about 7 for each
    parameter and point instead.

    Examples
    --------
    >>> import numpy as np
    >>> report = check(lambda x: (float(x @ x), 2 * x), np.array([1.0, 2.0]), rng=0)
    >>> str(report.verdict)
    'PASS'
    """
    problem = as_problem(fun, x0, jac=jac, args=args, bounds=bounds, blocks=blocks)
    settings = read_settings(
        points, dense, rtol, negligible, confidence, only, allow, budget, seconds
    )
    if problem.mode == "none":
        raise ArgumentError(
            "jac is missing: there is no gradient to check; give jac=True when fun returns "
            "(cost, gradient), or the function that returns the gradient"
        )
    return Audit(problem, settings, rng, progress).run()
