"""One model at one point, with all that the trace engine stands on."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradaudit.backprop.edits import Edit
from gradaudit.backprop.experiment import Experiment
from gradaudit.backprop.instrument import Site
from gradaudit.backprop.judge import Judge
from gradaudit.backprop.needs import Need, Setting, holes
from gradaudit.backprop.reference import Reference, complete_reference
from gradaudit.backprop.survey import Line, Survey, survey
from gradaudit.evaluator import Evaluator
from gradaudit.problem import as_problem


@dataclass(eq=False)
class Bench:
    """A surveyed model, and a judge of its lines."""

    experiment: Experiment
    reference: Reference
    survey: Survey
    judge: Judge

    def line(self, text: str) -> Line:
        """Return the line with this source."""
        found = [line for line in self.survey.lines if ast.unparse(line.statement) == text]
        assert len(found) == 1, [ast.unparse(line.statement) for line in self.survey.lines]
        return found[0]

    def site(self, text: str) -> Site:
        """Return the one outermost place of a line."""
        (site,) = holes(self.survey, self.line(text))
        return site

    def need(self, text: str) -> Need:
        """Return what is needed at the one place of a line."""
        return self.judge.need(self.site(text))

    def setting(self, text: str) -> Setting:
        """Return the surroundings of the one place of a line."""
        found = self.judge.setting(self.line(text), self.site(text))
        assert found is not None
        return found

    def edit(self, text: str, new: str) -> Edit:
        """Return the edit that puts another value into a line."""
        statement = self.line(text).statement
        old = getattr(statement, "value")  # noqa: B009
        value = ast.parse(new, mode="eval").body
        return Edit(statement, old, value, statement, "value", None, "test", 1.0)


def bench(fun: Callable[..., Any], start: Any, *args: Any) -> Bench:
    """Survey a model at a point."""
    theta = np.asarray(start, dtype=np.float64)
    evaluator = Evaluator(as_problem(fun, theta, args=args))
    experiment = Experiment(evaluator, theta)
    outcome = experiment.run(theta)
    assert outcome is not None
    reference = complete_reference(evaluator.cost, theta, outcome)
    seen = survey(experiment, reference)
    assert seen is not None
    return Bench(experiment, reference, seen, Judge(experiment, seen, reference))
