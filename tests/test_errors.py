import importlib
import pickle
import pkgutil
from collections.abc import Iterator

import pytest

import gradaudit
from gradaudit.errors import EvaluationError, GradauditError


def import_everything() -> None:
    for module in pkgutil.walk_packages(gradaudit.__path__, "gradaudit."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def tree(root: type[GradauditError]) -> Iterator[type[GradauditError]]:
    yield root
    for child in root.__subclasses__():
        yield from tree(child)


import_everything()
ERRORS = sorted(set(tree(GradauditError)), key=lambda error: error.__name__)
CHILDREN = [error for error in ERRORS if error is not GradauditError]


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("error", ERRORS)
def test_every_exception_survives_pickling(error: type[GradauditError], protocol: int) -> None:
    original = error("b1 has 10 entries, not 11")
    original.add_note("seed 20240501")

    copy = pickle.loads(pickle.dumps(original, protocol))

    assert type(copy) is error
    assert str(copy) == str(original)
    assert copy.args == original.args


def test_an_evaluation_error_keeps_its_point_when_pickled() -> None:
    original = EvaluationError("cost raised ZeroDivisionError", where="point 2")

    copy = pickle.loads(pickle.dumps(original))

    assert copy.where == "point 2"


@pytest.mark.parametrize("error", ERRORS)
def test_every_exception_is_exported_where_its_module_says(error: type[GradauditError]) -> None:
    assert error.__module__ == "gradaudit"
    assert getattr(gradaudit, error.__name__) is error
    assert error.__name__ in gradaudit.__all__


@pytest.mark.parametrize("error", CHILDREN)
def test_every_child_is_also_a_built_in_exception(error: type[GradauditError]) -> None:
    built_in = {base for base in error.__mro__ if base.__module__ == "builtins"}

    assert built_in - {object, BaseException, Exception}
