"""Which names hold which entries of the parameter vector?"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gradaudit.blocks import Layout
from gradaudit.evaluator import Evaluator
from gradaudit.problem import Problem, as_problem
from gradaudit.source.discovery import Discovery, discover_layout
from gradaudit.source.locations import python_function
from gradaudit.source.memory import fingerprint, remember_discovery, remembered_discovery


def discover_blocks(fun: Callable[..., Any] | Problem, x0: Any = None, *, args: Any = ()) -> Layout:
    """Find the blocks of the parameter vector in the function's own code.

    Parameters
    ----------
    fun : callable or Problem
        ``fun(x, *args)``; it is run once, at most twice.
    x0 : number, array_like or container of arrays
        A container names its blocks itself.
    args : tuple
        Further arguments of `fun`.

    Raises
    ------
    EvaluationError
        When nothing was found because the function raises at x0.

    Returns
    -------
    Layout
        `blocks` as the function names them, and `unclaimed` stretches for which it has no name.

    Examples
    --------
    >>> import numpy as np
    >>> def cost(theta):
    ...     W = theta[:6].reshape(2, 3)
    ...     b = theta[6:]
    ...     return float((W**2).sum() + b.sum())
    >>> [(block.name, block.shape) for block in discover_blocks(cost, np.ones(8)).blocks]
    [('W', (2, 3)), ('b', (2,))]
    """
    if isinstance(fun, Problem):
        problem = as_problem(fun, x0, args=args)
    else:
        # what the function returns does not matter here
        problem = as_problem(fun, x0, jac=None, args=args)
    if problem.layout is not None:
        return problem.layout
    evaluator = Evaluator(problem)
    layout = discover(evaluator).layout
    if not layout.blocks:
        evaluator.require_cost(problem.start)
    return layout


def discover(evaluator: Evaluator) -> Discovery:
    """Run the cost once under watch, unless this code was seen before with the same shapes."""
    problem = evaluator.problem
    summary = fingerprint(problem.fun, problem.args)
    known = remembered_discovery(problem.fun, problem.size, summary)
    if known is not None:
        return known
    function = python_function(problem.fun)
    found = discover_layout(
        evaluator.observe_once,
        problem.size,
        near=problem.start,
        package_of=None if function is None else function.__code__.co_filename,
    )
    remember_discovery(problem.fun, problem.size, summary, found)
    return found
