"""Where a callable, or a frame of the user's, stands in the source."""

from __future__ import annotations

import functools
import inspect
import linecache
import os
import site
import sysconfig
from dataclasses import dataclass, replace
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType, TracebackType
from typing import Any, Final, cast

from gradaudit.results import Location

_OWN: Final = os.path.dirname(os.path.dirname(os.path.abspath(__file__))) + os.sep
_SITE_FOLDERS: Final = ("site-packages", "dist-packages")
# written by the interpreter or by numpy, never by the user
_GENERATED: Final = ("<frozen ", "<__array_function__", "<attrs generated", "<lambdifygenerated")


def _library_folders() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    folders = {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}
    folders.update(site.getsitepackages() if hasattr(site, "getsitepackages") else ())
    # the standard library of the interpreter that a virtual environment was made with
    folders.add(os.path.dirname(os.__file__))
    return tuple(os.path.realpath(folder) + os.sep for folder in sorted(folders))


_LIBRARIES: Final = _library_folders()


@functools.lru_cache(maxsize=1024)
def is_user_code(filename: str, package_of: str | None = None) -> bool:
    """Tell whether a file is the user's own, not a library's, generated or gradaudit's.

    Parameters
    ----------
    filename : str
        As in a code object; ``<stdin>``, ``<string>`` and notebook cells are the user's.
    package_of : str, optional
        A file of the target. When it belongs to a library, all of that library's package counts
        as the user's.
    """
    if filename.startswith(_GENERATED):
        return False
    if filename.startswith("<"):
        return True
    path = os.path.abspath(filename)
    if path.startswith(_OWN):
        return False
    if not _in_library(path):
        return True
    return package_of is not None and path.startswith(_package_folder(os.path.abspath(package_of)))


def _in_library(path: str) -> bool:
    parts = path.split(os.sep)
    return any(folder in parts for folder in _SITE_FOLDERS) or os.path.realpath(path).startswith(
        _LIBRARIES
    )


def _package_folder(path: str) -> str:
    """Return the top folder of the library package that a file belongs to, or the file itself."""
    parts = path.split(os.sep)
    for folder in _SITE_FOLDERS:
        if folder in parts:
            top = len(parts) - 1 - parts[::-1].index(folder) + 1
            return path if top >= len(parts) - 1 else os.sep.join(parts[: top + 1]) + os.sep
    for folder in _LIBRARIES:
        if path.startswith(folder):
            top, _, rest = path[len(folder) :].partition(os.sep)
            return folder + top + os.sep if rest else path
    return path


def peek(owner: Any, name: str) -> Any:
    """Read an attribute without running any of the user's code; None when there is none.

    Properties, ``__getattr__`` and other descriptors of the user are left alone.
    """
    if isinstance_safely(owner, ModuleType):
        return vars(cast("ModuleType", owner)).get(name)
    try:
        value = inspect.getattr_static(owner, name, None)
    except Exception:  # a metaclass or __mro__ of the user's can raise anything
        return None
    if type(value).__name__ == "member_descriptor":
        try:
            return object.__getattribute__(owner, name)
        except (AttributeError, TypeError):
            return None
    return value


def isinstance_safely(value: Any, kind: type | tuple[type, ...]) -> bool:
    """`isinstance` by the true type alone, which no ``__class__`` property can disturb."""
    return issubclass(type(value), kind)


def python_function(fun: Any) -> FunctionType | None:
    """Return the Python function that runs when `fun` is called, seen through what binds it.

    Partials, bound methods and objects with ``__call__`` are seen through. So are wrappers
    (``__wrapped__``), as long as they are not the user's own code.
    """
    for _ in range(32):
        if isinstance_safely(fun, FunctionType):
            wrapped = cast("FunctionType", fun).__dict__.get("__wrapped__")
            if wrapped is None or is_user_code(fun.__code__.co_filename):
                return cast("FunctionType", fun)
            fun = wrapped
        elif isinstance_safely(fun, functools.partial):
            fun = cast("functools.partial[Any]", fun).func
        elif isinstance_safely(fun, MethodType):
            fun = cast("MethodType", fun).__func__
        elif isinstance_safely(fun, (staticmethod, classmethod)):
            fun = cast("staticmethod[..., Any]", fun).__func__
        else:
            inner = peek(fun, "__wrapped__")
            fun = inner if inner is not None else peek(type(fun), "__call__")
            if inner is None and not isinstance_safely(fun, (FunctionType, staticmethod)):
                return None
    return None


def source_line(filename: str, line: int) -> str:
    """Return a line of source without its line end; "" when it cannot be read."""
    return linecache.getline(filename, line).rstrip("\r\n")


def first_line(code: CodeType) -> int:
    """Return the line of the ``def`` or ``lambda`` itself, behind any decorators."""
    line = code.co_firstlineno
    for number in range(line, line + 50):
        text = linecache.getline(code.co_filename, number).lstrip()
        if not text:
            return line
        if text.startswith(("def ", "async def ")):
            return number
        if number == line and not text.startswith("@"):
            return line
    return line


def locate_callable(fun: Any) -> Location | None:
    """Find the ``def`` or ``lambda`` of a callable.

    Returns
    -------
    Location or None
        With the source line where it can be read; None for what is not written in Python.
    """
    function = python_function(fun)
    if function is None:
        return None
    code = function.__code__
    line = first_line(code)
    return Location(path=code.co_filename, line=line, source=source_line(code.co_filename, line))


def describe_callable(fun: Any) -> str:
    """Name a callable as a reader would: its name, a lambda with the file and the line."""
    function = python_function(fun)
    if function is None:
        builtin = isinstance_safely(fun, BuiltinFunctionType)
        name = fun.__name__ if builtin else peek(fun, "__name__")
        return name if isinstance_safely(name, str) else type(fun).__name__
    code = function.__code__
    if code.co_name == "<lambda>":
        return f"<lambda> ({os.path.basename(code.co_filename)}:{code.co_firstlineno})"
    if code.co_name == "__call__" and not isinstance_safely(fun, FunctionType):
        return type(fun).__name__
    return code.co_name


@dataclass(frozen=True, slots=True)
class UserFrame:
    """One frame of the user's code on the way to an exception.

    Attributes
    ----------
    location : Location
        File, line and source line.
    function : str
        Name of the function that was running.
    """

    location: Location
    function: str


def user_frames(traceback: TracebackType | None) -> list[UserFrame]:
    """Return the user's frames of a traceback, outermost first.

    Libraries' frames are left out, unless there are no others; gradaudit's own always.
    """
    found: list[tuple[UserFrame, bool]] = []
    while traceback is not None:
        code, line = traceback.tb_frame.f_code, traceback.tb_lineno
        path = code.co_filename
        if not os.path.abspath(path).startswith(_OWN) and not path.startswith("<frozen "):
            place = Location(path=path, line=line, source=source_line(path, line))
            found.append((UserFrame(place, code.co_name), is_user_code(path)))
        traceback = traceback.tb_next
    own = [frame for frame, mine in found if mine]
    return own or [frame for frame, _ in found]


def as_shown(location: Location | None) -> Location | None:
    """Return a location with its path relative to the working directory, where it lies below."""
    if location is None:
        return None
    try:
        relative = os.path.relpath(location.path)
    except ValueError:  # another drive
        return location
    return location if relative.startswith("..") else replace(location, path=relative)
