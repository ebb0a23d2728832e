"""What ``mymodule:cost_fn`` stands for, and where its start and its arguments come from.

Two steps. Reading what was typed (`parse_reference`, `parse_flags`) needs no numpy and runs none
of the user's code. `resolve_target` then imports the module, calls a factory or reads attributes,
and records the source of everything it found. The function itself is never called here.
"""

from __future__ import annotations

import ast
import difflib
import functools
import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FunctionType, ModuleType, SimpleNamespace
from typing import Any, Final, NamedTuple, NoReturn, cast

from gradaudit.errors import TargetError

START_NAMES: Final = ("x0", "theta0", "theta", "initial_theta")

_GENERATED: Final = re.compile(r"(zeros|ones|random):(\d+(?:x\d+)*)")
_ARRAY_FILE: Final = re.compile(r"(?P<path>.+\.(?:npy|npz))(?::(?P<key>.+))?", re.IGNORECASE)
_GRADIENT_LIKE: Final = re.compile(r"grad|jac|deriv|prime|backprop", re.IGNORECASE)
_GENERATED_WRONGLY: Final = re.compile(r"(zeros|ones|random)(:\W?\d.*)?")
_COST_LIKE: Final = re.compile(r"cost|loss|objective|energy|likelihood|nll|^[jJ]$", re.IGNORECASE)
_START_LIKE: Final = re.compile(r"init|theta|param|weight|coef|start", re.IGNORECASE)
_START_FLAG: Final = "--x0 ..."
_START_FORMS: Final = "a list, module:name, a .npy file, zeros:N or random:N"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """A name within a module or a file, as typed.

    Attributes
    ----------
    module : str
        Dotted name of the module, or the path of the file as typed.
    attribute : str
        Dotted name within it.
    path : Path or None
        The file, absolute; None for a module.
    """

    module: str
    attribute: str
    path: Path | None = None

    def __str__(self) -> str:
        return f"{self.module}:{self.attribute}"

    def sibling(self, name: str) -> str:
        """Return how another name of the same module is typed."""
        return f"{self.module}:{name}"

    def described(self, name: str) -> str:
        """Return how another name of the same module is shown as a source."""
        return self.sibling(name) if self.path else f"{self.module}.{name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A value from the command line, read but not fetched yet."""

    source: str
    fetch: Callable[[], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedFlags:
    """What the flags say about one target."""

    x0: Typed | None = None
    jac: Typed | None = None
    bounds: Typed | None = None
    blocks: Typed | None = None
    arguments: Mapping[str, Typed] = field(default_factory=dict[str, Typed])


class Found(NamedTuple):
    """A value and the words for where it was found."""

    value: Any
    source: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """A cost with everything that is needed to check it.

    Attributes
    ----------
    name : str
        As typed.
    fun, x0, jac, args, bounds, blocks : object
        As in `gradaudit.check`.
    sources : tuple of (str, str)
        What was found, and where: ``("lambda_", "train.lambda_")``.
    gradient_candidates : tuple of str
        Functions of the module that may be the gradient, as ``--jac`` takes them.
    """

    name: str
    fun: Callable[..., Any]
    x0: Any
    jac: Any
    args: tuple[Any, ...]
    bounds: Any
    blocks: Any
    sources: tuple[tuple[str, str], ...]
    gradient_candidates: tuple[str, ...] = ()


# What was typed


def parse_reference(text: str, *, flag: str = "") -> Reference:
    """Take ``module:name`` or ``path/to/file.py:name`` apart.

    Raises
    ------
    TargetError
        When it has another form, or the file does not exist.
    """
    what = f"{flag} {text!r}" if flag else f"the target {text!r}"
    module, colon, attribute = text.strip().rpartition(":")
    if not colon or re.search(r"[/\\]|\.py$", attribute):  # C:\train.py has a colon too
        _refuse(f"{what} does not name a function", _write_as(text.strip()))
    if not module:
        _refuse(f"{what} does not name a module", f"write it as module:{attribute}")
    if not _is_dotted_name(attribute):
        _refuse(f"{what} does not name a function: {attribute!r} is not a name", _write_as(module))
    if re.search(r"[/\\]|\.py$", module):
        return Reference(module=module, attribute=attribute, path=_existing_file(module, what))
    if not _is_dotted_name(module):
        _refuse(
            f"{what}: {module!r} is not the name of a module",
            f"write a file as {_file_of(module)}:{attribute}",
        )
    return Reference(module=module, attribute=attribute)


def _file_of(module: str) -> str:
    """Return the file that was probably meant: ``a.py::f`` and ``my folder.a:f`` happen too."""
    name = module.strip(":")
    if name.endswith(".py"):
        return name
    nested = name.replace(".", "/")
    return f"{nested if Path(nested + '.py').is_file() else name}.py"


def parse_flags(
    *,
    x0: str | None = None,
    jac: str | None = None,
    bounds: str | None = None,
    blocks: str | None = None,
    arguments: Sequence[str] = (),
    seed: int | None = None,
    target: Reference,
) -> TypedFlags:
    """Read the flags that describe the target.

    Raises
    ------
    TargetError
        When one cannot be read: the message names the flag and shows its value.
    """
    return TypedFlags(
        x0=None if x0 is None else _parse_start(x0, seed, target),
        jac=None if jac is None else _parse_jac(jac, target),
        bounds=None if bounds is None else parse_value(bounds, "--bounds", beside=target),
        blocks=None if blocks is None else Typed(source="--blocks", fetch=lambda: blocks),
        arguments=_parse_arguments(arguments, target),
    )


def parse_value(text: str, flag: str, *, beside: Reference | None = None) -> Typed:
    """Read a value: a Python literal, an ``.npy`` or ``.npz:key`` file, or ``module:name``.

    Raises
    ------
    TargetError
        When it is none of them.
    """
    try:
        literal = ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        pass
    else:
        return Typed(source=flag, fetch=lambda: literal)
    before = flag if flag.endswith("=") else f"{flag} "
    source = f"{before}{text}"
    file = _ARRAY_FILE.fullmatch(text)
    if file is not None:
        path = _existing_file(file["path"], f"{before}{text!r}")
        if file["key"] and path.suffix.lower() == ".npy":
            _refuse(f"{before}{text!r}: an .npy file holds one array, without a name", "drop it")
        return Typed(source=source, fetch=lambda: _load_array(path, file["key"], source))
    if ":" not in text:
        error = TargetError(f"{before}{text!r} is not a value")
        error.add_note(
            "give a Python literal (text in quotes of its own), module:name, or a .npy file"
        )
        if beside is not None and _is_dotted_name(text):
            error.add_note(f"a variable of the module is written {before}{beside.sibling(text)}")
        raise error
    reference = parse_reference(text, flag=flag)
    return Typed(source=source, fetch=lambda: _follow(load_module(reference), reference))


def _parse_start(text: str, seed: int | None, target: Reference) -> Typed:
    generated = _GENERATED.fullmatch(text.strip())
    if generated is None:
        if _GENERATED_WRONGLY.fullmatch(text.strip()):
            kind = text.strip().partition(":")[0]
            _refuse(f"--x0 {text!r} does not say how many", f"write {kind}:12 or {kind}:3x4")
        return parse_value(text, "--x0", beside=target)
    shape = tuple(int(n) for n in generated[2].split("x"))
    kind = generated[1]
    source = f"--x0 {text.strip()}"
    if kind == "random":
        source += f" (standard normal, seed {seed or 0})"
    return Typed(source=source, fetch=lambda: _generate(kind, shape, seed or 0))


def _generate(kind: str, shape: tuple[int, ...], seed: int) -> Any:
    import numpy as np  # heavy: no usage error waits for it

    try:
        if kind == "random":
            return np.random.default_rng(seed).standard_normal(shape)
        return np.zeros(shape) if kind == "zeros" else np.ones(shape)
    except (MemoryError, ValueError) as error:
        _refuse(f"--x0 {kind}:{'x'.join(map(str, shape))}: {error}", "give fewer parameters")


def _parse_jac(text: str, target: Reference) -> Typed:
    if text.strip().lower() == "true":
        return Typed(source="--jac", fetch=lambda: True)
    if ":" not in text:
        _refuse(
            f"--jac {text!r} does not name a function",
            f"write --jac {target.sibling(text if _is_dotted_name(text) else 'gradient')}",
        )
    reference = parse_reference(text, flag="--jac")
    return Typed(source=f"--jac {text}", fetch=lambda: _follow(load_module(reference), reference))


def _parse_arguments(arguments: Sequence[str], target: Reference) -> dict[str, Typed]:
    return _parse_pairs(arguments, "--arg", "lambda_=0.01", target)


def parse_options(options: Sequence[str], target: Reference) -> dict[str, Typed]:
    """Read options of a solver, each as name=value.

    Raises
    ------
    TargetError
        When one has another form, or is given twice.
    """
    return _parse_pairs(options, "--option", "maxiter=50", target)


def _parse_pairs(
    pairs: Sequence[str], flag: str, example: str, target: Reference
) -> dict[str, Typed]:
    values: dict[str, Typed] = {}
    for pair in pairs:
        name, equals, text = pair.partition("=")
        name = name.strip()
        if not equals or not name.isidentifier():
            _refuse(f"{flag} {pair!r} is not name=value", f"write it like {flag} {example}")
        if name in values:
            _refuse(f"{flag} {name} is given twice", "keep one of them")
        values[name] = parse_value(text, f"{flag} {name}=", beside=target)
    return values


def returns_pair(target: Target) -> bool:
    """Call the target once and tell whether it returns (cost, gradient)."""
    # heavy: they load numpy
    from gradaudit.evaluator import BadReturn, Evaluator
    from gradaudit.problem import Problem

    problem = Problem(target.fun, target.x0, jac=None, args=target.args)
    try:
        Evaluator(problem).sample(problem.start)
    except BadReturn as error:
        return error.slug == "jac-flag"
    return False


def _is_dotted_name(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))


def _existing_file(text: str, what: str) -> Path:
    path = Path(text).absolute()
    if path.is_file():
        return path
    if path.is_dir():
        _refuse(f"{what}: {text} is a folder", "name a file in it")
    suffix = path.suffix.lower()
    names = [entry.stem for entry in _entries(path.parent) if entry.suffix.lower() == suffix]
    close = difflib.get_close_matches(path.stem, names, 1)
    _refuse(
        f"{what}: there is no file {text}",
        f"did you mean {close[0]}{suffix}?" if close else f"the working directory is {Path.cwd()}",
    )


def _entries(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def _write_as(text: str) -> str:
    module = text.removesuffix(":")
    path = Path(module if module.endswith(".py") else module.replace(".", "/") + ".py")
    names = _functions_of(path)
    if names:
        return f"write it as {module}:{names[0]}" + _others(names[1:])
    before, dot, last = module.rpartition(".")
    if dot and last != "py" and _is_dotted_name(module):
        return f"write it as {before}:{last}"
    return f"write it as {module or 'module'}:function"


def _others(names: Sequence[str]) -> str:
    return f" (it also has {', '.join(names[:8])})" if names else ""


def _functions_of(path: Path) -> list[str]:
    """Return the functions that a file defines at its top level, without running it."""
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):
        return []
    names = [node.name for node in tree.body if isinstance(node, ast.FunctionDef)]
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return sorted(names, key=lambda name: _COST_LIKE.search(name) is None)


def _load_array(path: Path, key: str | None, source: str) -> Any:
    import numpy as np  # heavy: no usage error waits for it

    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            return cast("Any", content)
        with content as archive:
            names = [str(name) for name in archive.files]
            if key in names:
                return archive[key]
    except Exception as error:  # zipfile, zlib and numpy have each their own
        # numpy takes a file without its signature for a pickle, and tells how to load it unsafely
        why = "it holds Python objects, or no array at all" if "pickle" in str(error) else error
        problem = TargetError(f"{source} cannot be loaded: {why}")
        problem.add_note("save plain numbers with numpy.save; Python objects are not unpickled")
        raise problem from None
    _refuse_key(path, key, names, source)


def _refuse_key(path: Path, key: str | None, names: list[str], source: str) -> NoReturn:
    close = difflib.get_close_matches(key or "", names, 1) or names
    problem = f"has no array {key!r}" if key else "does not say which array"
    _refuse(
        f"{source} {problem}; the file holds {', '.join(names) or 'nothing'}",
        f"write {path.name}:{close[0]}" if close else "save it with numpy.savez",
    )


def _refuse(message: str, advice: str) -> NoReturn:
    error = TargetError(message)
    error.add_note(advice)
    raise error


# The user's code


def load_module(reference: Reference) -> ModuleType:
    """Import the module of a reference, with the working directory importable.

    Raises
    ------
    TargetError
        When there is no such module, or importing it raised (then its exception is the cause).
    """
    _make_importable(Path.cwd())
    try:
        if reference.path is not None:
            return _import_file(reference.path)
        return importlib.import_module(reference.module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # user code: SystemExit and pytest's outcomes too
        if _is_not_there(error, reference.module):
            _refuse_module(reference.module)
        failure = _failure(f"importing {reference.module}", error)
        for note in _import_advice(error, reference):
            failure.add_note(note)
        raise failure from error


def _import_advice(error: BaseException, reference: Reference) -> list[str]:
    if isinstance(error, ModuleNotFoundError):
        return [
            f"this is {sys.executable}; in the environment of your project, run python -m gradaudit"
        ]
    file = Path.cwd() / f"{reference.module}.py"
    if isinstance(error, ImportError) and "relative import" in str(error) and file.is_file():
        return [f"a module of a package is given as a file: {file.name}:{reference.attribute}"]
    return []


def _make_importable(folder: Path) -> None:
    # first even when it is further down already: a program run from here would find it first
    if sys.path[:1] != [str(folder)]:
        sys.path.insert(0, str(folder))


def _import_file(path: Path) -> ModuleType:
    root, name = _package_root(path)
    if root is not None:
        _make_importable(root)
        return importlib.import_module(name)
    _make_importable(path.parent)
    loaded = sys.modules.get(name)
    if loaded is not None and getattr(loaded, "__file__", None) == str(path):
        return loaded
    if loaded is not None or name in sys.stdlib_module_names:
        name = f"_{name}_target"  # a file called types.py must not replace the real one
        if name in sys.modules:
            return sys.modules[name]
    return _execute(name, path)


def _execute(name: str, path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        _refuse(f"{path} cannot be imported", "give a Python file, ending with .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _package_root(path: Path) -> tuple[Path | None, str]:
    """Return the folder above the outermost package and the dotted name; None without package."""
    names = [] if path.stem == "__init__" else [path.stem]
    folder = path.parent
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    name = ".".join(names)
    inside = folder != path.parent and _is_dotted_name(name)
    return (folder, name) if inside else (None, path.stem)


def _is_not_there(error: BaseException, module: str) -> bool:
    """Whether the module itself is missing, not one that it imports."""
    if not isinstance(error, ModuleNotFoundError) or error.name is None:
        return False
    if module != error.name and not module.startswith(error.name + "."):
        return False
    trace = error.__traceback__
    while trace is not None:
        file = trace.tb_frame.f_code.co_filename
        if file not in (__file__, importlib.__file__) and not file.startswith("<frozen importlib"):
            return False
        trace = trace.tb_next
    return True


def _refuse_module(module: str) -> NoReturn:
    here = Path.cwd()
    package, dot, last = module.rpartition(".")
    names = [
        entry.stem
        for entry in _entries(here / package.replace(".", "/"))
        if entry.suffix == ".py" or (entry / "__init__.py").is_file()
    ]
    close = difflib.get_close_matches(last, names, 1)
    _refuse(
        f"there is no module {module}",
        f"did you mean {package}{dot}{close[0]}?"
        if close
        else f"looked in {here} and in the installed packages; a file is given as path/to/file.py",
    )


def _failure(doing: str, error: BaseException) -> TargetError:
    if isinstance(error, SystemExit):
        failure = TargetError(f"{doing} called sys.exit({error.code!r})")
        failure.add_note('keep what runs the program under `if __name__ == "__main__":`')
        return failure
    try:
        text = str(error).strip()
    except Exception:  # the user's own __str__
        text = ""
    return TargetError(f"{doing} raised {type(error).__name__}" + (f": {text}" if text else ""))


def _call(function: Callable[..., Any], doing: str) -> Any:
    """Run a piece of the user's code that is not the cost itself."""
    try:
        return function()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # user code
        raise _failure(doing, error) from error


_NOTHING: Final = object()


def _attribute(owner: Any, name: str, doing: str) -> Any:
    """Return an attribute, `_NOTHING` when there is none; a lazy one may run the user's code."""
    try:
        return getattr(owner, name)
    except AttributeError:
        return _NOTHING
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # user code
        raise _failure(doing, error) from error


def _follow(module: ModuleType, reference: Reference) -> Any:
    """Return what the dotted name within the module stands for."""
    owner: Any = module
    walked = reference.module
    for name in reference.attribute.split("."):
        value = _attribute(owner, name, f"reading {reference}")
        if value is _NOTHING:
            _refuse_attribute(owner, name, walked, reference)
        _refuse_unbound(owner, name, value, reference)
        owner, walked = value, f"{walked}.{name}"
    return owner


def _refuse_attribute(owner: Any, name: str, walked: str, reference: Reference) -> NoReturn:
    if isinstance(owner, ModuleType) and reference.path is None:
        _refuse_hidden(owner, name, walked, reference)
        _refuse_submodule(owner, name, walked, reference)
    if inspect.isfunction(owner) and name in _locals_of(owner):
        _refuse(
            f"{name!r} is a local variable of {walked}",
            f"let the function return ({name}, x0) and name it alone: {walked}",
        )
    names = [known for known in dir(owner) if not known.startswith("_")]
    close = difflib.get_close_matches(name, names, 1)
    functions = [known for known in names if _is_routine(owner, known)]
    advice = f"did you mean {close[0]}?" if close else f"it has {', '.join(functions[:8])}"
    _refuse(
        f"{walked} has no {name!r}",
        advice if close or functions else "it defines no function at all",
    )


def _locals_of(function: FunctionType) -> tuple[str, ...]:
    return (*function.__code__.co_varnames, *function.__code__.co_cellvars)


def _refuse_hidden(module: ModuleType, name: str, walked: str, reference: Reference) -> None:
    """Say so when a module of the same name (``types``) stands before the user's file."""
    own_file = Path.cwd() / f"{reference.module}.py"
    file = getattr(module, "__file__", None)
    if own_file.is_file() and file != str(own_file):
        _refuse(
            f"{walked} has no {name!r}; that name means {file or 'a built-in module'}",
            f"give the file: {own_file.name}:{reference.attribute}",
        )


def _refuse_submodule(module: ModuleType, name: str, walked: str, reference: Reference) -> None:
    """Say so when the colon stands too early: ``package:module.cost``."""
    rest = reference.attribute.rpartition(f"{name}.")[2]
    if any(known.name == name for known in pkgutil.iter_modules(getattr(module, "__path__", ()))):
        _refuse(
            f"{walked}.{name} is a module",
            f"the colon stands behind it: {walked}.{name}:{rest if rest != name else 'function'}",
        )


def _is_routine(owner: Any, name: str) -> bool:
    # statically: a property of the user's must not run for the sake of a suggestion
    return inspect.isroutine(inspect.getattr_static(owner, name, None))


def _refuse_unbound(owner: Any, name: str, value: Any, reference: Reference) -> None:
    if not isinstance(owner, type) or not inspect.isfunction(value):
        return
    if not isinstance(inspect.getattr_static(owner, name, None), staticmethod):
        _refuse(
            f"{reference} is a method of the class {owner.__name__}, not of an object",
            f"name an object: model = {owner.__name__}(...) and then "
            f"{reference.module}:model.{name}",
        )


# Completing the target


def resolve_target(reference: Reference, flags: TypedFlags) -> Target:
    """Find the function and everything that a check of it needs.

    In this order: flags; ``@gradaudit.target``; a `Problem`, or a factory of one or of
    ``(fun, x0)`` or ``(fun, x0, args)``; attributes of the module; defaults of parameters.

    Raises
    ------
    TargetError
        When something is missing: the advice shows the exact flag to add.
    """
    module = load_module(reference)
    thing = _follow(module, reference)
    fun, found = _unfold(thing, reference, start_is_typed=flags.x0 is not None)
    for name in ("x0", "jac", "bounds", "blocks"):
        typed: Typed | None = getattr(flags, name)
        if typed is not None:
            found[name] = Found(typed.fetch(), typed.source)
    if flags.x0 is not None and callable(found["x0"].value):
        _refuse(
            f"{flags.x0.source} is a function, not a start",
            "name a variable that holds what it returns",
        )
    search = _Search(module=module, reference=reference, fun=fun, found=found, flags=flags)
    return search.target()


def resolve_factory(reference: Reference) -> Callable[..., Any]:
    """Find the function that makes problems of several sizes.

    Raises
    ------
    TargetError
        When there is none of that name.
    """
    thing = _follow(load_module(reference), reference)
    if not callable(thing) or isinstance(thing, type):
        kind = "a class" if isinstance(thing, type) else f"of type {type(thing).__name__}"
        _refuse(f"{reference} is {kind}", "name a function of sizes that returns (fun, x0)")
    return thing


def parse_sizes(sizes: Sequence[str], *, beside: Reference) -> dict[str, Typed]:
    """Read ``n=3``, ``n=2..6`` (a range, both ends included), or another value of a parameter.

    Raises
    ------
    TargetError
        When one cannot be read, or comes twice.
    """
    values: dict[str, Typed] = {}
    for size in sizes:
        name, equals, text = size.partition("=")
        name = name.strip()
        if not equals or not name.isidentifier():
            _refuse(f"--size {size!r} is not name=value", "write it like --size m=4 or m=2..6")
        if name in values:
            _refuse(f"--size {name} is given twice", "keep one of them")
        ends = re.fullmatch(r"\s*(\d+)\s*\.\.\s*(\d+)\s*", text)
        if ends is None:
            values[name] = parse_value(text, f"--size {name}=", beside=beside)
            continue
        low, high = int(ends[1]), int(ends[2])
        if low > high:
            _refuse(f"--size {name}={text}: low is above high", f"write {name}={high}..{low}")
        values[name] = Typed(source="--size", fetch=functools.partial(tuple, (low, high)))
    return values


def _unfold(
    thing: Any, reference: Reference, *, start_is_typed: bool
) -> tuple[Callable[..., Any], dict[str, Found]]:
    """Return the cost behind a target, and what comes with it."""
    packed = _from_problem(thing, str(reference))
    if packed is not None:
        return packed
    if not callable(thing):
        kind = type(thing).__name__
        _refuse(f"{reference} is of type {kind} and cannot be called", "name a function")
    if isinstance(thing, type):
        _refuse(
            f"{reference} is a class",
            f"name an object of it, or a method: {reference.module}:object.method",
        )
    found = _from_decorator(thing, reference)
    parameters = parameters_of(thing)
    if "x0" in found or parameters is None or not _may_be_factory(parameters):
        return thing, found
    fun, made = _from_factory(thing, parameters, reference, start_is_typed=start_is_typed)
    return fun, made | found


def _from_problem(thing: Any, source: str) -> tuple[Callable[..., Any], dict[str, Found]] | None:
    from gradaudit.problem import Problem  # heavy: numpy; no usage error waits for it

    if not issubclass(type(thing), Problem):
        return None
    problem = cast("Problem", thing)
    values: dict[str, Any] = {
        "x0": problem.structure.template,
        "jac": problem.jac,
        "args": problem.args,
    }
    if problem.lower is not None:
        values["bounds"] = SimpleNamespace(lb=problem.lower, ub=problem.upper)
    if problem.layout is not None and not problem.structure.is_container:
        values["blocks"] = problem.layout.blocks
    return problem.fun, {
        name: Found(value, f"the Problem {source}") for name, value in values.items()
    }


def _from_decorator(thing: Any, reference: Reference) -> dict[str, Found]:
    from gradaudit.problem import TARGET_ATTRIBUTE  # heavy: numpy; no usage error waits for it

    try:
        settings = getattr(thing, TARGET_ATTRIBUTE, None)
    except Exception:  # an object's own __getattr__ may raise anything
        return {}
    if not isinstance(settings, dict):
        return {}
    found: dict[str, Found] = {}
    for name, value in cast("dict[str, Any]", settings).items():
        if name in ("x0", "args") and callable(value):
            value = _call(value, f"{name} of @gradaudit.target at {reference}")
        if value is None or (name == "jac" and value is True) or _is_empty(value):
            continue
        found[name] = Found(value, "@gradaudit.target")
    return found


def _as_arguments(args: Any) -> tuple[Any, ...]:
    return cast("tuple[Any, ...]", args) if isinstance(args, tuple) else (args,)


def _is_empty(value: Any) -> bool:
    return isinstance(value, tuple) and not value


def parameters_of(fun: Callable[..., Any]) -> list[inspect.Parameter] | None:
    """Return the parameters of a callable as its callers see them; None when nobody knows."""
    try:
        return list(inspect.signature(fun).parameters.values())
    except Exception:  # no signature, or an object whose attributes raise
        pass
    try:
        return list(inspect.signature(type(fun).__call__).parameters.values())[1:]
    except Exception:
        return None


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty and parameter.kind not in (
        parameter.VAR_POSITIONAL,
        parameter.VAR_KEYWORD,
    )


def _may_be_factory(parameters: Iterable[inspect.Parameter]) -> bool:
    # *args receives the parameter vector: that is a cost behind a decorator
    return not any(p.kind is p.VAR_POSITIONAL or _is_required(p) for p in parameters)


def _from_factory(
    thing: Callable[..., Any],
    parameters: list[inspect.Parameter],
    reference: Reference,
    *,
    start_is_typed: bool,
) -> tuple[Callable[..., Any], dict[str, Found]]:
    """Call what needs no argument; it may still be a cost whose parameters all have defaults."""
    start_may_come = parameters and (start_is_typed or parameters[0].default is None)
    try:
        made = _call(thing, f"calling {reference}()")
    except TargetError:
        if start_may_come:
            return thing, {}
        raise
    source = f"the factory {reference}"
    packed = _from_problem(made, source)
    if packed is not None:
        return packed
    if _is_package(made):
        fun, *rest = cast("tuple[Any, ...]", made)
        return fun, {
            name: Found(value, source) for name, value in zip(("x0", "args"), rest, strict=False)
        }
    if not parameters:
        _refuse(
            f"{reference} takes no argument, so its value cannot depend on the parameters",
            "a cost takes them first: `lambda x: cost(x, ...)`; a factory returns (fun, x0)",
        )
    return thing, {}


def _is_package(made: Any) -> bool:
    if not isinstance(made, tuple):
        return False
    parts = cast("tuple[Any, ...]", made)
    return len(parts) in (2, 3) and callable(parts[0]) and not callable(parts[1])


@dataclass(slots=True, kw_only=True, eq=False)
class _Search:
    """The search for the start and the arguments of one function.

    `found` is what the flags, a decorator, a problem or a factory gave; `missing` collects the
    flags that would have to be added.
    """

    module: ModuleType
    reference: Reference
    fun: Callable[..., Any]
    found: dict[str, Found]
    flags: TypedFlags
    sources: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    missing: list[str] = field(default_factory=list[str])

    def target(self) -> Target:
        parameters = parameters_of(self.fun) or []
        positional = [
            p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)
        ]
        self._refuse_unknown(parameters, positional)
        x0 = self._start(positional[0] if positional else None)
        args = self._arguments(positional[1:])
        keywords = self._keywords(parameters)
        if self.missing:
            self._refuse_incomplete()
        return Target(
            name=str(self.reference),
            # only keyword-only parameters need it; scipy's args reach all others
            fun=functools.partial(self.fun, **keywords) if keywords else self.fun,
            x0=x0,
            jac=self._plain("jac", default=True),
            args=args,
            bounds=self._plain("bounds"),
            blocks=self._plain("blocks"),
            sources=tuple(self.sources),
            gradient_candidates=() if "jac" in self.found else self._gradient_candidates(),
        )

    def _plain(self, name: str, *, default: Any = None) -> Any:
        if name not in self.found:
            return default
        return self._note(name, self.found[name])

    def _note(self, name: str, found: Found) -> Any:
        self.sources.append((name, found.source))
        return found.value

    def _start(self, first: inspect.Parameter | None) -> Any:
        if "x0" in self.found:
            return self._note("x0", self.found["x0"])
        for name in (*START_NAMES, *([first.name] if first else [])):
            value = self._of_module(name)
            if value is not None and value is not _NOTHING and not callable(value):
                return self._note("x0", Found(value, self.reference.described(name)))
        if first is not None and first.default is not first.empty and first.default is not None:
            return self._note("x0", Found(first.default, f"the default of {first.name}"))
        self.missing.append(_START_FLAG)
        return None

    def _arguments(self, parameters: list[inspect.Parameter]) -> tuple[Any, ...]:
        """Return the positional arguments behind the first, as far as any is not a default."""
        given = self.found.get("args", Found((), ""))
        values = _as_arguments(given.value)
        chosen: list[Any] = []
        used = 0
        for number, parameter in enumerate(parameters):
            value = (
                Found(values[number], given.source)
                if number < len(values) and parameter.name not in self.flags.arguments
                else self._argument(parameter)
            )
            if value is None:
                chosen.append(parameter.default)
                continue
            chosen.append(self._note(parameter.name, value))
            used = number + 1
        return (*chosen[:used], *values[len(parameters) :])

    def _keywords(self, parameters: list[inspect.Parameter]) -> dict[str, Any]:
        chosen: dict[str, Any] = {}
        for parameter in parameters:
            if parameter.kind is parameter.KEYWORD_ONLY:
                value = self._argument(parameter)
                if value is not None:
                    chosen[parameter.name] = self._note(parameter.name, value)
        known = {parameter.name for parameter in parameters}
        for name, typed in self.flags.arguments.items():
            if name not in known:  # **kwargs takes it, see _refuse_unknown
                chosen[name] = self._note(name, Found(typed.fetch(), typed.source))
        return chosen

    def _argument(self, parameter: inspect.Parameter) -> Found | None:
        """Return the value of a parameter; None to leave it at its default, or when missing."""
        name = parameter.name
        if name in self.flags.arguments:
            typed = self.flags.arguments[name]
            return Found(typed.fetch(), f"{typed.source.partition('=')[0]}")
        optional = not _is_required(parameter)
        if optional and ("args" in self.found or self._is_bound(name)):
            return None
        value = self._of_module(name)
        if value is _NOTHING or (optional and callable(value) and not callable(parameter.default)):
            if not optional:
                self.missing.append(f"--arg {name}=...")
            return None
        return Found(value, self.reference.described(name))

    def _is_bound(self, name: str) -> bool:
        """Whether functools.partial has given the parameter its value."""
        fun: Any = self.fun
        return issubclass(type(fun), functools.partial) and name in fun.keywords

    def _of_module(self, name: str) -> Any:
        value = _attribute(self.module, name, f"reading {self.reference.described(name)}")
        return _NOTHING if value is self.fun or isinstance(value, ModuleType) else value

    def _refuse_unknown(
        self, parameters: list[inspect.Parameter], positional: list[inspect.Parameter]
    ) -> None:
        names = [p.name for p in positional[1:]]
        names += [p.name for p in parameters if p.kind is p.KEYWORD_ONLY]
        anything = any(p.kind is p.VAR_KEYWORD for p in parameters)
        for name in self.flags.arguments:
            if positional and name == positional[0].name:
                _refuse(f"--arg {name} is the parameter vector itself", "give it with --x0")
            if name not in names and not anything:
                close = difflib.get_close_matches(name, names, 1)
                known = f"its arguments are {', '.join(names)}" if names else "it takes no others"
                _refuse(
                    f"--arg {name}: {self.reference} has no such parameter",
                    f"did you mean --arg {close[0]}=...?" if close else known,
                )

    def _refuse_incomplete(self) -> NoReturn:
        names = [flag.removeprefix("--arg ").removesuffix("=...") for flag in self.missing]
        no_start = _START_FLAG in self.missing
        names = ["x0" if name == _START_FLAG else name for name in names]
        error = TargetError(
            f"{self.reference} needs {', '.join(names)}, and {self.reference.module} "
            f"has no such attribute{'' if len(names) == 1 else 's'}"
        )
        error.add_note("add " + " ".join(self.missing))
        if no_start:
            error.add_note(f"the start is {_START_FORMS}")
        known = [name for name in vars(self.module) if not name.startswith("_")]
        if no_start:
            names.remove("x0")
            for start in [name for name in known if self._may_be_start(name)][:1]:
                error.add_note(f"perhaps --x0 {self.reference.sibling(start)}")
        for name in names:
            for close in difflib.get_close_matches(name, known, 1, cutoff=0.75):
                error.add_note(f"perhaps --arg {name}={self.reference.sibling(close)}")
        raise error

    def _may_be_start(self, name: str) -> bool:
        value = vars(self.module)[name]
        holds_numbers = hasattr(value, "shape") or issubclass(type(value), list | dict)
        return bool(_START_LIKE.search(name)) and holds_numbers and not callable(value)

    def _gradient_candidates(self) -> tuple[str, ...]:
        own = self.reference.attribute.rpartition(".")[2]
        return tuple(
            self.reference.sibling(name)
            for name, value in vars(self.module).items()
            if name != own and callable(value) and _GRADIENT_LIKE.search(name)
        )
