"""Run a script, or a module, as Python itself would, with its optimizers watched."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import sys
import threading
import traceback
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.machinery import ModuleSpec
from types import CodeType, ModuleType, TracebackType
from typing import Any

from gradaudit.api.run import watch
from gradaudit.errors import TargetError
from gradaudit.optimizers.children import counting_children
from gradaudit.optimizers.intercept import RELAY
from gradaudit.results import Runs

_OWN = os.path.dirname(os.path.abspath(__file__)) + os.sep


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """What is to be run.

    Attributes
    ----------
    name : str
        As it was typed: a path, or the name of a module.
    path : str
        The file, absolute.
    is_module : bool
        Whether it was asked for with ``-m``.
    arguments : tuple of str
        Everything behind it.
    """

    name: str
    path: str
    is_module: bool = False
    arguments: tuple[str, ...] = field(default=())


def find_script(words: Sequence[str]) -> Script:
    """Find the script, or behind ``-m`` the module, that a command line names.

    Raises
    ------
    TargetError
        When there is none; with the nearest name.
    """
    if words[:1] == ["-m"]:
        if len(words) < 2:
            raise TargetError("-m needs the name of a module")
        return Script(name=words[1], path="", is_module=True, arguments=tuple(words[2:]))
    if not words:
        raise TargetError("no script is given; say gradaudit run train.py")
    path = os.path.abspath(words[0])
    if not os.path.isfile(path):
        raise _missing(words[0], path)
    return Script(name=words[0], path=path, arguments=tuple(words[1:]))


def _missing(name: str, path: str) -> TargetError:
    if os.path.isdir(path):
        return TargetError(f"{name!r} is a folder; name a script in it, or use -m")
    folder, file = os.path.split(path)
    try:
        scripts = [each for each in os.listdir(folder) if each.endswith(".py")]
    except OSError:
        return TargetError(f"there is no script {name!r}, and no folder {folder!r}")
    error = TargetError(f"there is no script {name!r}")
    near = get_close_matches(file, scripts, n=1)
    beside = os.path.join(os.path.dirname(name), near[0]) if near else ""
    if beside:
        error.add_note(f"did you mean {beside}?")
    elif importlib.util.find_spec(file.partition(".")[0]) is not None and not file.endswith(".py"):
        error.add_note(f"to run a module: gradaudit run -m {name}")
    return error


def run_script(
    script: Script,
    *,
    after: bool = False,
    thorough: bool = False,
    budget: int = 500,
    rng: Any = None,
    last: bool = False,
    full_traceback: bool = False,
) -> tuple[Runs, bool]:
    """Run a script with its optimizers watched.

    Parameters
    ----------
    script : Script
    after, thorough, budget, rng
        As of `gradaudit.watch`.
    last : bool
        Nothing but the end of the process comes behind it: what the script has changed in `sys`
        stays, for the sake of what it does when the interpreter ends.
    full_traceback : bool
        Show our own frames, too.

    Returns
    -------
    tuple of Runs and bool
        What was seen; whether an exception ended the script. It has been shown by then.

    Raises
    ------
    TargetError
        When the module cannot be found, or the file not be compiled.
    """
    with _as_python_would(script, last=last):
        code, module = _loaded(script)
        raised = False
        runs = Runs()
        with counting_children() as children:
            try:
                with watch(after=after, thorough=thorough, budget=budget, rng=rng) as runs:
                    runs.script = script.name
                    runs.script_exit, raised = _executed(code, module, full_traceback)
                    _wait_for_threads()
            except KeyboardInterrupt:  # a second one, or one during a diagnosis
                runs.interrupted = True
            runs.children = children.count
        if runs.script_exit == 130:
            runs.interrupted, runs.script_exit = True, None
    return runs, raised


def _executed(code: CodeType, module: ModuleType, full_traceback: bool) -> tuple[int, bool]:
    """Run the code; return its exit status, and whether an exception ended it."""
    try:
        exec(code, module.__dict__)
    except SystemExit as stop:
        return _status(stop.code), False
    except KeyboardInterrupt:
        return 130, False
    except BaseException as error:
        _show(error, full=full_traceback)
        return 1, True
    return 0, False


def _status(code: Any) -> int:
    """Return the status that Python would end with; a text is shown first."""
    if code is None:
        return 0
    if isinstance(code, int):
        return code & 0xFF
    print(code, file=sys.stderr)
    return 1


def _wait_for_threads() -> None:
    """Wait for the script's threads, as Python does when a script ends."""
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()


# as Python would -------------------------------------------------------------------------------


@contextlib.contextmanager
def _as_python_would(script: Script, *, last: bool) -> Generator[None, None, None]:
    argv, path, main = sys.argv, list(sys.path), sys.modules["__main__"]
    streams = sys.stdout, sys.stderr
    sys.argv = [script.name, *script.arguments]
    if not sys.flags.safe_path:
        home = os.getcwd() if script.is_module else os.path.dirname(os.path.realpath(script.path))
        sys.path[:1] = [home]
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # closed, or the script's own
                stream.flush()
        sys.stdout, sys.stderr = streams
        if not last:
            sys.argv, sys.path[:], sys.modules["__main__"] = argv, path, main


def _loaded(script: Script) -> tuple[CodeType, ModuleType]:
    """Return the code, and the module ``__main__`` that it is to run in."""
    spec = _found(script.name) if script.is_module else None
    path = script.path if spec is None else spec.origin or ""
    code = _compiled(script, spec)
    module = ModuleType("__main__")
    module.__dict__.update(
        __file__=path,
        __builtins__=__builtins__,
        __spec__=spec,
        __package__=None if spec is None else spec.parent,
        __cached__=None if spec is None else spec.cached,
        __annotations__={},
    )
    if spec is not None:
        module.__loader__ = spec.loader
        sys.argv[0] = path
    sys.modules["__main__"] = module
    return code, module


def _found(name: str) -> ModuleSpec:
    try:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.submodule_search_locations is not None:
            spec = importlib.util.find_spec(f"{name}.__main__")
    except (ImportError, ValueError) as error:
        raise TargetError(f"the module {name!r} cannot be imported: {error}") from error
    if spec is None or spec.loader is None:
        raise TargetError(f"there is no module {name!r} to run")
    return spec


def _compiled(script: Script, spec: ModuleSpec | None) -> CodeType:
    try:
        if spec is not None:
            loader: Any = spec.loader
            code = loader.get_code(spec.name)
        else:
            with io.open_code(script.path) as file:
                code = compile(file.read(), script.path, "exec", dont_inherit=True)
    except (OSError, SyntaxError, ValueError) as error:
        raise TargetError(f"{script.name} cannot be run: {error}") from error
    if code is None:
        raise TargetError(f"the module {script.name!r} has no Python code")
    return code


# exceptions ------------------------------------------------------------------------------------


def _show(error: BaseException, *, full: bool) -> None:
    """Show an exception as Python would, without our frames, by the script's own hook if any."""
    if not full:
        _strip(error)
    hook = sys.excepthook
    try:
        hook(type(error), error, error.__traceback__)
    except Exception:
        traceback.print_exception(error)


def _strip(error: BaseException | None) -> None:
    """Take our frames out of a traceback, and out of those of its causes."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        current.__traceback__ = _without_ours(current.__traceback__)
        waiting += [current.__cause__, current.__context__]


def _without_ours(chain: TracebackType | None) -> TracebackType | None:
    kept: list[TracebackType] = []
    while chain is not None:
        code = chain.tb_frame.f_code
        if code.co_qualname != RELAY and not code.co_filename.startswith(_OWN):
            kept.append(chain)
        chain = chain.tb_next
    for frame, following in zip(kept, [*kept[1:], None], strict=True):
        frame.tb_next = following
    return kept[0] if kept else None
