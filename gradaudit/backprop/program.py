"""The user's functions that take part in one run, and other code put in their place for a while."""

from __future__ import annotations
import __future__

import ast
import copy
import functools
import gc
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import CodeType, FrameType, FunctionType
from typing import Any, Final, cast

from gradaudit.backprop.capture import Capture, Function, captures, capturing, looks_at_names
from gradaudit.backprop.gaps import Gap, find_gaps
from gradaudit.errors import TraceRefused
from gradaudit.source.locations import is_user_code
from gradaudit.source.syntax import nested_codes, read_module
from gradaudit.source.watching import watch_returns

Key = tuple[str, int, int]  # qualified name, first line, which of several
HOOK: Final = "__gradaudit_hook__"

_FLAGS: Final = functools.reduce(
    lambda flags, name: flags | getattr(__future__, name).compiler_flag,
    __future__.all_feature_names,
    0,
)
# pytest rewrites assert statements, so that the code that runs differs from the code one reads
_REWRITTEN: Final = ("@py_assert", "@pytest_ar", "@py_builtins")


@dataclass(slots=True, eq=False)
class Unit:
    """One statement at the top of a file (a function, a class) whose functions were run.

    Attributes
    ----------
    path : str
    lines : tuple of str
        Of the whole file, without line ends.
    tree : ast.stmt
        The statement; it is edited in place, and put back.
    parents : dict
        From each node to its parent.
    functions : dict
        The living functions made from this unit, by key.
    flags : int
        Of the compiler.
    executed : set of Key
        What ran.
    gaps : list of Gap
        The ``pass`` statements that other statements stand for.
    """

    path: str
    lines: tuple[str, ...]
    tree: ast.stmt
    parents: dict[ast.AST, ast.AST]
    flags: int
    functions: dict[Key, list[FunctionType]] = field(
        default_factory=dict["Key", "list[FunctionType]"]
    )
    executed: set[Key] = field(default_factory=set["Key"])
    gaps: list[Gap] = field(default_factory=list["Gap"])
    _captures: list[Capture] | None = None

    def find_gaps(self) -> list[Gap]:
        """Return each ``pass`` that may have run, with what could stand for it."""
        ran = {key[0].rpartition(".")[2] for key in self.executed}
        functions = [n for n in ast.walk(self.tree) if isinstance(n, ast.FunctionDef)]
        return [gap for f in functions if f.name in ran for gap in find_gaps(f)]

    def fill(self, gaps: list[Gap]) -> None:
        """Let statements stand for ``pass`` from now on."""
        for gap in gaps:
            gap.fill()
        self.gaps = gaps
        self.parents.update(_parents(self.tree))

    def is_gap(self, statement: ast.stmt) -> bool:
        """Tell whether a statement stands for ``pass``."""
        return any(statement in gap.new for gap in self.gaps)

    def compile(self, tree: ast.stmt | None = None) -> dict[Key, CodeType]:
        """Compile the unit (as it is edited now) and return the codes of its functions."""
        body = tree or self.tree
        if self._captures is None:
            looks = looks_at_names(self.tree)
            self._captures = [] if looks else captures(self.tree, self._lives)
        found = self._captures
        if found and tree is not None:
            found = captures(tree, self._lives)
        with capturing(found):
            module = ast.Module(body=[body], type_ignores=[])
            code = compile(module, self.path, "exec", flags=self.flags, dont_inherit=True)
        return dict(keyed_codes(code))

    def _lives(self, function: Function) -> bool:
        """Tell whether a function exists outside of a run."""
        name = "<lambda>" if isinstance(function, ast.Lambda) else function.name
        place = name, _first_line(function)
        return any((key[0].rpartition(".")[2], key[1]) == place for key in self.functions)


def keyed_codes(code: CodeType) -> Iterator[tuple[Key, CodeType]]:
    """Yield all codes within a code object, told apart by name, line and order."""
    seen: dict[tuple[str, int], int] = {}
    for inner in nested_codes(code):
        place = inner.co_qualname, inner.co_firstlineno
        number = seen.get(place, 0)
        seen[place] = number + 1
        yield (*place, number), inner


class Program:
    """All of the user's Python that one evaluation runs.

    Parameters
    ----------
    run : callable
        Runs the program once.
    package_of : str or None
        A file of the target, whose whole package counts as the user's.
    """

    def __init__(self, run: Callable[[], object], package_of: str | None) -> None:
        self.units: list[Unit] = []
        codes = _executed_codes(run, package_of)
        if not codes:
            raise TraceRefused(
                "no Python source of yours was run: the function is compiled or a library's; "
                "trace reads the function's own source"
            )
        self.skipped = self._read(codes)
        if not self.units:
            raise TraceRefused(self.skipped[0])

    def _read(self, codes: Sequence[CodeType]) -> list[str]:
        problems: list[str] = []
        living = _living_functions({code.co_filename for code in codes})
        for path in dict.fromkeys(code.co_filename for code in codes):
            here = [code for code in codes if code.co_filename == path]
            self._read_file(path, here, living.get(path, []), problems)
        return problems

    def _read_file(
        self,
        path: str,
        codes: Sequence[CodeType],
        living: Sequence[FunctionType],
        problems: list[str],
    ) -> None:
        names = ", ".join(dict.fromkeys(code.co_name for code in codes))
        module = read_module(path)
        if module is None:
            problems.append(
                f"the source of {names} cannot be read ({path}); "
                "put the function into a file, or a notebook cell, and trace it from there"
            )
            return
        for statement in module.tree.body:
            lines = range(_first_line(statement), (statement.end_lineno or statement.lineno) + 1)
            mine = [code for code in codes if code.co_firstlineno in lines]
            mine = [code for code in mine if code.co_name != "<module>"]
            if not mine:
                continue
            # others read the same tree; only edits are put back
            if any(isinstance(node, ast.Pass) for node in ast.walk(statement)):
                statement = copy.deepcopy(statement)
            unit = Unit(
                path, module.lines, statement, _parents(statement), mine[0].co_flags & _FLAGS
            )
            self._attach(unit, mine, living)
            self.units.append(unit)

    def _attach(
        self, unit: Unit, codes: Sequence[CodeType], living: Sequence[FunctionType]
    ) -> None:
        # an import at the top of the file changes how the compiler writes `np.exp`: compare with
        # codes of the whole file, which have the same keys
        compiled = _whole(unit)
        for code in codes:
            key = _find(compiled, code)
            if key is None:
                raise TraceRefused(
                    f"{code.co_name} ({unit.path}:{code.co_firstlineno}) runs other code than its "
                    "source shows: the file was edited after the import; import it again"
                )
            unit.executed.add(key)
            _refuse_strange(code, unit.path)
        for function in living:
            key = _find(compiled, function.__code__)
            if key is not None:
                unit.functions.setdefault(key, []).append(function)
        held = {id(function.__code__) for found in unit.functions.values() for function in found}
        nested = {
            id(inner)
            for found in unit.functions.values()
            for function in found
            for inner in nested_codes(function.__code__)
        }
        for code in codes:
            if id(code) not in held and id(code) not in nested:
                raise TraceRefused(
                    f"{code.co_name} ({unit.path}:{code.co_firstlineno}) is made anew by code "
                    "that is no function of yours; trace cannot take its place"
                )

    @contextmanager
    def replaced(
        self, codes: dict[int, dict[Key, CodeType]], hook: Callable[..., Any] | None = None
    ) -> Generator[None, None, None]:
        """Run other code in the functions of some units while the context is open.

        Parameters
        ----------
        codes : dict
            From the number of a unit to its codes.
        hook : callable, optional
            What `HOOK` means in that code.

        Raises
        ------
        ValueError
            When a code does not fit its function (a name of an outer function is new to it).
        """
        undo: list[tuple[FunctionType, CodeType]] = []
        hooked: list[dict[str, Any]] = []
        try:
            for number, compiled in codes.items():
                for key, functions in self.units[number].functions.items():
                    for function in functions:
                        if hook is not None and HOOK not in function.__globals__:
                            function.__globals__[HOOK] = hook
                            hooked.append(function.__globals__)
                        undo.append((function, function.__code__))
                        function.__code__ = compiled[key]
            yield
        finally:
            for function, code in reversed(undo):
                function.__code__ = code
            for space in hooked:
                space.pop(HOOK, None)


def _executed_codes(run: Callable[[], object], package_of: str | None) -> list[CodeType]:
    found: dict[CodeType, None] = {}
    known: dict[str, bool] = {}

    def wanted(code: CodeType) -> bool:
        path = code.co_filename
        if path not in known:
            known[path] = is_user_code(path, package_of)
        return known[path]

    def visit(frame: FrameType) -> None:
        # dataclasses compile methods from strings, ours too
        if not str(frame.f_globals.get("__name__", "")).startswith("gradaudit."):
            found.setdefault(frame.f_code)

    with watch_returns(visit, wanted):
        run()
    return list(found)


def _living_functions(paths: set[str]) -> dict[str, list[FunctionType]]:
    living: dict[str, list[FunctionType]] = {}
    for thing in gc.get_objects():
        if type(thing) is FunctionType and thing.__code__.co_filename in paths:
            living.setdefault(thing.__code__.co_filename, []).append(thing)
    return living


def _find(compiled: dict[Key, CodeType], code: CodeType) -> Key | None:
    """Find the key of a code object; None when no code is the same."""
    exact = [key for key, other in compiled.items() if other == code]
    if exact:
        return exact[0]
    if any(name.startswith(_REWRITTEN) for name in (*code.co_names, *code.co_varnames)):
        for key in compiled:
            if key[0] == code.co_qualname and key[1] == code.co_firstlineno:
                return key
    return None


def _whole(unit: Unit) -> dict[Key, CodeType]:
    text = "".join(line + "\n" for line in unit.lines)
    whole = compile(text, unit.path, "exec", flags=unit.flags, dont_inherit=True)
    lines = range(_first_line(unit.tree), (unit.tree.end_lineno or unit.tree.lineno) + 1)
    return {key: code for key, code in keyed_codes(whole) if key[1] in lines}


def _refuse_strange(code: CodeType, path: str) -> None:
    generator, coroutine, async_generator = 0x20, 0x80, 0x200
    if code.co_name.startswith("<genexpr"):
        return
    if code.co_flags & (coroutine | async_generator):
        raise TraceRefused(
            f"{code.co_name} ({path}:{code.co_firstlineno}) is asynchronous; "
            "trace follows plain functions"
        )
    del generator


def _first_line(statement: ast.stmt | Function) -> int:
    decorators = getattr(statement, "decorator_list", [])
    return min([statement.lineno, *(cast("ast.expr", d).lineno for d in decorators)])


def _parents(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    return {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
