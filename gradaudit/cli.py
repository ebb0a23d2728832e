"""The command line: reads flags, calls one verb, writes its report, returns its exit code.

The user's code runs inside `_users_code` only; what it prints goes to stderr. Everything that
loads numpy is imported inside functions, so that help and usage errors come at once.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import re
import shutil
import signal
import sys
import textwrap
import time
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, TextIO

import gradaudit
from gradaudit.catalogue import RECORDS, find_record, read_page
from gradaudit.config import FORMATS, SETTINGS, Configuration, describe, load_settings, nearest
from gradaudit.errors import ArgumentError, GradauditError, TargetError
from gradaudit.targets import (
    Reference,
    Target,
    Typed,
    TypedFlags,
    parse_flags,
    parse_options,
    parse_reference,
    parse_sizes,
    parse_value,
    resolve_factory,
    resolve_target,
    returns_pair,
)

if TYPE_CHECKING:
    from gradaudit.backprop.results import Trace
    from gradaudit.blocks import Layout
    from gradaudit.evaluator import Progress
    from gradaudit.results import Diagnosis, Report, Runs, ShapeReport

INTERRUPTED: Final = 130
_RUN_FLAGS_WITH_VALUES: Final = ("--budget", "--seed", "--format", "--output")
COULD_NOT_CHECK: Final = 2
_EXIT_CODES: Final = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}
_MOST_FRAMES: Final = 12


class _OutputFailed(Exception):
    """The report could not be written where it should go."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    argv : sequence of str, optional
        The words behind ``gradaudit``; those of the process when left out.

    Returns
    -------
    int
        0 checked and right, 1 a fault was found, 2 could not check, 3 inconclusive,
        130 interrupted.
    """
    _open_missing_streams()
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        code = _guarded(words, everything="--traceback" in words, last=argv is None)
    except KeyboardInterrupt:  # one more, while the first was being told
        code = INTERRUPTED
    if argv is None:  # nothing is left to interrupt; the exit code is to survive
        with contextlib.suppress(ValueError):  # not in the main thread
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    return code


def _guarded(words: list[str], *, everything: bool, last: bool) -> int:
    """Run a command; whatever happens, the exit code keeps its meaning."""
    try:
        code = _run(words, last=last)
    except KeyboardInterrupt:
        _tell("interrupted")
        return INTERRUPTED
    except _OutputFailed as error:
        _tell(f"error: {error}")
        return COULD_NOT_CHECK
    except GradauditError as error:
        _tell_error(error, everything=everything)
        return COULD_NOT_CHECK
    except BaseException as error:  # an uncaught one would exit with 1, "a fault was found"
        _tell_defect(error, everything=everything)
        return COULD_NOT_CHECK
    return code


def _run(words: list[str], *, last: bool) -> int:
    try:
        options = _parse(words)
    except SystemExit as done:  # --help and --version have printed
        _write("")  # without flushing
        return int(done.code or 0)
    command: Callable[[argparse.Namespace], int] = options.command
    options.last = last
    if command in (_explain, _run_script):
        return command(options)
    with _stdout_for_the_report(last=last):
        return command(options)


# flags ---------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """An ArgumentParser whose errors look like all others."""

    def error(self, message: str) -> NoReturn:
        text = re.sub(r"^argument (\S+?)(/\S+)?: ", r"\1: ", message)
        _refuse(text, f"{self.prog} --help shows all flags")


class _Once(argparse.Action):
    """Store a value; refuse a second one instead of forgetting the first."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        if getattr(namespace, self.dest) is not None:
            parser.error(f"{option_string} is given twice; keep one of them")
        setattr(namespace, self.dest, values)


def _refuse(message: str, advice: str) -> NoReturn:
    error = ArgumentError(message)
    error.add_note(advice)
    raise error


def _parse(words: list[str]) -> argparse.Namespace:
    parser, commands = _parsers()
    _require_command(words, list(commands))
    words, script = _split_script(words) if words[0] == "run" else (words, [])
    options, unknown = parser.parse_known_args(_with_negative_values(words))
    options.script = script
    if unknown:
        used = commands[options.name]
        flags = re.findall(r"--[a-z][a-z0-9-]*", used.format_help())
        close = nearest(unknown[0].partition("=")[0], flags) if unknown[0][:1] == "-" else None
        kind = "flag" if unknown[0][:1] == "-" else "argument"
        advice = f"did you mean {close}?" if close else f"{used.prog} --help shows all flags"
        _refuse(f"{used.prog} knows no {kind} {unknown[0]!r}", advice)
    return options


def _require_command(words: list[str], commands: list[str]) -> None:
    names = f"{', '.join(commands[:-1])} or {commands[-1]}"
    if not words:
        _refuse("no command is given", f"say {names}, such as gradaudit check train:cost")
    word = words[0]
    if word.startswith("-") or word in commands:
        return
    close = nearest(word, commands)
    advice = f"did you mean gradaudit {close}?" if close else f"say {names}"
    if ":" in word:
        advice = f"did you mean gradaudit check {word}?"
    _refuse(f"{word!r} is not a command of gradaudit", advice)


def _split_script(words: list[str]) -> tuple[list[str], list[str]]:
    """Divide the words of ``run`` before the script: all that follows belongs to it."""
    place = 1
    while place < len(words) and words[place].startswith("-") and words[place] != "-m":
        place += 2 if words[place] in _RUN_FLAGS_WITH_VALUES else 1
    return words[:place], words[place:]


def _with_negative_values(words: list[str]) -> list[str]:
    """Join ``--x0 -1e-3`` to ``--x0=-1e-3``: argparse takes the number for a flag."""
    joined: list[str] = []
    for word in words:
        if joined and re.fullmatch(r"--[a-z0-9]+", joined[-1]) and re.match(r"-[\d.]", word):
            joined[-1] += f"={word}"
        else:
            joined.append(word)
    return joined


def _parsers() -> tuple[_Parser, dict[str, _Parser]]:
    parser = _Parser(
        prog="gradaudit",
        description="Tell whether a hand-written gradient is right, how sure that is, and where "
        "it is wrong.",
        epilog="exit codes: 0 checked and right; 1 a fault was found; 2 could not check; "
        "3 inconclusive; 130 interrupted",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"gradaudit {gradaudit.__version__}")
    subparsers = parser.add_subparsers(dest="name", metavar="COMMAND", required=True)

    def add(name: str, command: Callable[[argparse.Namespace], int], summary: str) -> _Parser:
        added = subparsers.add_parser(
            name,
            help=summary,
            description=f"{summary[0].upper()}{summary[1:]}.",
            allow_abbrev=False,
        )
        if command is _run_script:
            added.usage = f"{added.prog} [flags] SCRIPT.py [its arguments]"
        elif command is not _explain:  # all the flags would fill a narrow terminal
            added.usage = f"{added.prog} TARGET [flags]"
        added.set_defaults(command=command)
        return added

    check = add("check", _check, "check the gradient of a cost, per parameter block")
    shapes = add("shapes", _shapes, "find the smallest shape at which a gradient is wrong")
    blocks = add("blocks", _blocks, "show how the parameter vector is divided into blocks")
    trace = add("trace", _trace, "name the first wrong line of a backward pass")
    diagnose = add("diagnose", _diagnose, "say why scipy.optimize.minimize stops where it does")
    run = add("run", _run_script, "run a script, and say how each of its optimizers did")
    explain = add("explain", _explain, "say what the code of a finding means")
    for each in (check, blocks, diagnose):
        _add_target_flags(each)
    _add_target_flags(trace, optional=True)  # a factory will do
    for each in (check, shapes):
        _add_audit_flags(each)
    check.add_argument(
        "--trace", action="store_true", help="when it fails, look for the wrong line as well"
    )
    _add_trace_flags(trace)
    _add_optimizer_flags(diagnose)
    _add_run_flags(run)
    for each in (check, shapes, blocks, trace, diagnose, run):
        _add_output_flags(each)
    explain.add_argument("code", metavar="CODE", help="such as GA101 or ignored-argument")
    explain.add_argument("--traceback", action="store_true", help=argparse.SUPPRESS)
    shapes.add_argument("target", metavar="TARGET", help="mymodule:make_problem, which takes sizes")
    shapes.add_argument(
        "--size",
        action="append",
        metavar="NAME=SIZE",
        help="a size n=3, a range n=2..6, or another value of a parameter (repeatable)",
    )
    commands = (check, shapes, blocks, trace, diagnose, run, explain)
    return parser, {command.prog.split()[-1]: command for command in commands}


def _add_target_flags(parser: _Parser, *, optional: bool = False) -> None:
    parser.add_argument(
        "target",
        metavar="TARGET",
        nargs="?" if optional else None,
        help="mymodule:cost_fn, or path/to/train.py:cost_fn",
    )
    group = parser.add_argument_group(
        "about the target",
        "A VALUE is a Python literal, module:name, or an .npy or .npz:key file.",
    )
    for flag, metavar, text in (
        ("--x0", "VALUE", "the start; also zeros:N, ones:N or random:N"),
        ("--jac", "MODULE:NAME", "the gradient, when the cost does not return it as well"),
        ("--bounds", "VALUE", "a pair (low, high) for each parameter"),
        ("--blocks", "LAYOUT", 'names and shapes in packing order, "W1=10x784,b1=10"'),
    ):
        group.add_argument(flag, action=_Once, metavar=metavar, help=text)
    group.add_argument(
        "--arg", action="append", metavar="NAME=VALUE", help="another argument (repeatable)"
    )


def _add_audit_flags(parser: _Parser) -> None:
    group = parser.add_argument_group(
        "about the audit",
        "Each is also an environment variable, GRADAUDIT_POINTS, and a key of [tool.gradaudit] "
        "in pyproject.toml; a flag wins.",
    )
    for name, metavar, text in (
        ("points", "N", "check at so many points (default 3)"),
        ("rtol", "X", "a PASS means that an error of this size would be seen (default 1e-3)"),
        ("negligible", "X", "no smaller error is a fault (default 1e-6)"),
        ("confidence", "P", "of the bound on every entry (default 0.999)"),
        ("budget", "N", "call the function at most so often"),
        ("seconds", "S", "stop after this time and tell what was learned"),
        ("seed", "N", "of all random choices"),
    ):
        group.add_argument(f"--{name}", action=_Once, metavar=metavar, help=text)
    group.add_argument(
        "--dense", action=argparse.BooleanOptionalAction, help="measure every entry on its own"
    )
    group.add_argument(
        "--only", action="append", metavar="BLOCK", help="check this block only (repeatable)"
    )
    group.add_argument(
        "--allow",
        action="append",
        metavar="SLUG[:BLOCK]",
        help="accept a finding: listed, without weight on the verdict (repeatable)",
    )


def _add_trace_flags(parser: _Parser) -> None:
    group = parser.add_argument_group("about the trace")
    for name, metavar, text in (
        (
            "factory",
            "MODULE:NAME",
            "a function of sizes that returns (fun, x0): small ones are used",
        ),
        ("budget", "N", "call the functions at most so often"),
        ("seconds", "S", "stop after this time and tell what was learned (default 30)"),
        ("seed", "N", "of all random choices"),
    ):
        group.add_argument(f"--{name}", action=_Once, metavar=metavar, help=text)


def _add_optimizer_flags(parser: _Parser) -> None:
    group = parser.add_argument_group(
        "about the optimizer", "As they are handed to scipy.optimize.minimize."
    )
    for name, metavar, text in (
        ("method", "NAME", "such as L-BFGS-B"),
        ("tol", "X", "the tolerance"),
        ("hess", "MODULE:NAME", "the Hessian"),
        ("hessp", "MODULE:NAME", "its product with a vector"),
        ("constraints", "MODULE:NAME", "one constraint, or a list of them"),
    ):
        group.add_argument(f"--{name}", action=_Once, metavar=metavar, help=text)
    group.add_argument(
        "--option", action="append", metavar="NAME=VALUE", help="such as maxiter=50 (repeatable)"
    )
    group = parser.add_argument_group("about the diagnosis")
    for name, metavar, text in (
        ("budget", "N", "call the functions at most so often beyond the run (default 500)"),
        ("seconds", "S", "stop after this time and tell what was learned"),
        ("seed", "N", "of all random choices"),
        ("plot", "FILE", "draw the pictures into a .svg, .png or .pdf file"),
    ):
        group.add_argument(f"--{name}", action=_Once, metavar=metavar, help=text)


def _add_run_flags(parser: _Parser) -> None:
    group = parser.add_argument_group(
        "about the diagnoses",
        "All flags stand before the script, or before -m MODULE; what follows belongs to it.",
    )
    group.add_argument(
        "--after", action="store_true", help="diagnose when the script has ended, not in between"
    )
    group.add_argument("--thorough", action="store_true", help="diagnose every call in full")
    for name, text in (
        ("budget", "call functions at most so often for one diagnosis (default 500)"),
        ("seed", "of all random choices"),
    ):
        group.add_argument(f"--{name}", action=_Once, metavar="N", help=text)


def _add_output_flags(parser: _Parser) -> None:
    group = parser.add_argument_group("about the output")
    group.add_argument("--format", action=_Once, metavar="FORMAT", help=" | ".join(FORMATS))
    group.add_argument("--json", action="store_true", help="the same as --format json")
    group.add_argument("--output", action=_Once, metavar="FILE", help="write the report to a file")
    group.add_argument("-q", "--quiet", action="store_true", help="one line")
    group.add_argument("-v", "--verbose", action="count", default=0, help="more; -vv for all")
    group.add_argument(
        "--traceback", action="store_true", help="show all of the traceback of an exception"
    )


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """Read every setting that does not need the target, and refuse what contradicts itself."""
    if options.quiet and options.verbose:
        _refuse("-q and -v contradict each other", "keep one of them")
    if options.json and options.format not in (None, "json"):
        _refuse(f"--json and --format {options.format} contradict each other", "keep one of them")
    flags = {name: getattr(options, name, None) for name in SETTINGS}
    if options.json:
        flags["format"] = "json"
    return load_settings(flags, environment=os.environ, folder=_working_directory())


def _working_directory() -> Path:
    try:
        return Path.cwd()
    except OSError as error:
        _refuse(f"the working directory: {error.strerror or error}", "change to another one first")


def _target_flags(
    options: argparse.Namespace, reference: Reference, settings: Configuration
) -> TypedFlags:
    return parse_flags(
        x0=options.x0,
        jac=options.jac,
        bounds=options.bounds,
        blocks=options.blocks,
        arguments=options.arg or (),
        seed=settings["seed"].value,
        target=reference,
    )


# commands ------------------------------------------------------------------------------------


def _check(options: argparse.Namespace) -> int:
    settings = _settings(options)
    sink = _sink(options.output)
    target = _resolve(options, settings)
    with _introduced(target, options, settings, sink) as introduction:
        report, interrupted = _audit(target, settings, quiet=options.quiet)
    if report is None:
        _tell("interrupted before anything was learned")
        return INTERRUPTED
    if interrupted:
        _tell("interrupted: the report holds what was learned until then")
    _deliver(report, introduction, options, settings, sink)
    if not interrupted and settings["format"].value == "text" and not options.quiet:
        _offer_trace(report, target, options, settings, sink)
    return INTERRUPTED if interrupted else _EXIT_CODES[str(report.verdict)]


def _offer_trace(
    report: Report,
    target: Target,
    options: argparse.Namespace,
    settings: Configuration,
    sink: Path | None,
) -> None:
    """Look for the wrong line of a wrong gradient when asked to; else say how to."""
    if not any(f.level == "error" and f.code.startswith("GA2") for f in report.findings):
        return
    if not options.trace:
        if sink is None:
            _write(f"which line is it?\n  gradaudit trace {target.name}\n")
        return
    try:
        found = _traced(target, settings, quiet=options.quiet)
    except GradauditError as error:
        _tell_error(error, everything=options.traceback)
        return
    text = "\n" + _rendered_trace(found, "text", options, sink)
    if sink is None:
        _write(text)
    else:
        with sink.open("a", encoding="utf-8") as stream:
            stream.write(text)


def _trace(options: argparse.Namespace) -> int:
    settings = _settings(options)
    form = settings["format"].value
    if form not in ("text", "json"):
        _refuse(f"--format {form} is for single audits", "a trace is text or json")
    sink = _sink(options.output)
    if options.factory is None:
        if options.target is None:
            _refuse("no target is given", "name one, or a factory: --factory mymodule:make_problem")
        target = _resolve(options, settings)
        with _introduced(target, options, settings, sink) as introduction:
            found = _traced(target, settings, quiet=options.quiet)
    else:
        introduction, found = "", _traced_by_factory(options.factory, settings)
    text = _rendered_trace(found, form, options, sink)
    _put(introduction + text, sink)
    if sink is not None:
        _write(found.summary + "\n")
    return _trace_code(found)


def _trace_code(found: Trace) -> int:
    if found.suspects:
        return _EXIT_CODES["FAIL"]
    return _EXIT_CODES["INCONCLUSIVE" if found.wrong or found.stopped else "PASS"]


def _traced(target: Target, settings: Configuration, *, quiet: bool) -> Trace:
    from gradaudit.api.trace import trace  # heavy: loads numpy

    line = _ProgressLine() if _is_terminal(sys.stderr) and not quiet else None
    try:
        with _users_code(target.name):
            return trace(
                target.fun,
                target.x0,
                jac=target.jac,
                args=target.args,
                progress=line,
                **_trace_settings(settings),
            )
    finally:
        if line is not None:
            line.clear()


def _trace_settings(settings: Configuration) -> dict[str, Any]:
    seconds = settings["seconds"].value
    return {
        "budget": settings["budget"].value,
        "seconds": 30.0 if seconds is None else seconds,
        "rng": settings["seed"].value,
    }


def _traced_by_factory(text: str, settings: Configuration) -> Trace:
    from gradaudit.api.trace import trace  # heavy: loads numpy

    reference = parse_reference(text, flag="--factory")
    with _users_code(reference.module):
        return trace(factory=resolve_factory(reference), **_trace_settings(settings))


def _rendered_trace(found: Trace, form: str, options: argparse.Namespace, sink: Path | None) -> str:
    # heavy: they load numpy and rich
    from gradaudit.report.json import render_json
    from gradaudit.report.trace import render_trace

    if form == "json":
        return render_json(found)
    if options.quiet:
        return found.summary + "\n"
    look = _appearance(sink)
    ascii_only = not _is_utf8(look["encoding"])
    return render_trace(found, width=look["console_width"], ascii_only=ascii_only) + "\n"


def _diagnose(options: argparse.Namespace) -> int:
    settings = _settings(options)
    sink = _sink(options.output)
    reference = parse_reference(options.target)
    given = {
        name: parse_value(value, f"--{name}", beside=reference)
        for name in ("tol", "hess", "hessp", "constraints")
        if (value := getattr(options, name)) is not None
    }
    solver_options = parse_options(options.option or (), reference)
    target = _resolve(options, settings)
    with _introduced(target, options, settings, sink) as introduction:
        diagnosis, interrupted = _diagnosed(options.method, target, settings, given, solver_options)
    if diagnosis is None:
        _tell("interrupted before anything was learned")
        return INTERRUPTED
    if interrupted:
        _tell("interrupted: the diagnosis holds what was learned until then")
    _deliver(diagnosis, introduction, options, settings, sink)
    if options.plot is not None:
        diagnosis.save_plot(options.plot)
    return INTERRUPTED if interrupted else _EXIT_CODES[str(diagnosis.verdict)]


def _diagnosed(
    method: str | None,
    target: Target,
    settings: Configuration,
    given: Mapping[str, Typed],
    solver_options: Mapping[str, Typed],
) -> tuple[Diagnosis | None, bool]:
    """Run the optimizer and the diagnosis; return it and whether it was interrupted."""
    from gradaudit.api.diagnose import diagnose  # heavy: loads numpy

    said = any(what == "jac" for what, _ in target.sources)
    try:
        with _users_code(target.name):
            jac = target.jac if said or returns_pair(target) else None
            diagnosis = diagnose(
                target.fun,
                target.x0,
                jac=jac,
                args=target.args,
                bounds=target.bounds,
                blocks=target.blocks,
                method=method,
                options={name: value.fetch() for name, value in solver_options.items()} or None,
                budget=settings["budget"].value or 500,
                seconds=settings["seconds"].value,
                rng=settings["seed"].value,
                **{name: value.fetch() for name, value in given.items()},
            )
    except KeyboardInterrupt as stop:
        return getattr(stop, "gradaudit_report", None), True
    return diagnosis, False


def _shapes(options: argparse.Namespace) -> int:
    settings = _settings(options)
    form = settings["format"].value
    if options.format not in (None, "text", "json"):
        _refuse(f"--format {options.format} is for single audits", "shapes are text or json")
    sink = _sink(options.output)
    reference = parse_reference(options.target)
    sizes = parse_sizes(options.size or (), beside=reference)
    values = {name: settings[name].value for name in SETTINGS if name not in ("format", "seed")}
    from gradaudit.api.shapes import check_shapes  # heavy: loads numpy and hypothesis
    from gradaudit.report.json import render_json
    from gradaudit.report.shapes import one_line, render_shapes

    found: ShapeReport | None = None
    code = INTERRUPTED
    with _users_code(reference.module):
        factory = resolve_factory(reference)
        given = {name: typed.fetch() for name, typed in sizes.items()}
        try:
            found = check_shapes(factory, settings=values, rng=settings["seed"].value, **given)
            code = _EXIT_CODES[str(found.verdict)]
        except KeyboardInterrupt as stop:
            found = getattr(stop, "gradaudit_report", None)
    if found is None:
        _tell("interrupted before anything was learned")
        return INTERRUPTED
    if form == "json":
        text = render_json(found)
    elif options.quiet:
        text = one_line(found, encoding=_encoding(_stdout()))
    else:
        text = render_shapes(found, verbosity=options.verbose, **_appearance(sink))
    _put(text, sink)
    if sink is not None:
        _write(one_line(found, encoding=_encoding(_stdout())) + "\n")
    return code


def _blocks(options: argparse.Namespace) -> int:
    settings = _settings(options)
    if options.format not in (None, "text", "json"):
        _refuse(f"--format {options.format} is for reports", "a layout is text or json")
    sink = _sink(options.output)
    target = _resolve(options, settings)
    with _introduced(target, options, settings, sink) as introduction, _users_code(target.name):
        layout = _layout(target)
    _put(introduction + _rendered_layout(layout, settings["format"].value, sink), sink)
    return 0


def _run_script(options: argparse.Namespace) -> int:
    settings = _settings(options)
    form = settings["format"].value
    if form not in ("text", "json"):
        _refuse(f"--format {form} is for one report", "the calls of a script are text or json")
    if not options.script:
        _refuse(
            "no script is given", "name one: gradaudit run train.py, or gradaudit run -m module"
        )
    sink = _sink(options.output)
    # heavy: they load numpy, and before the script's folder can hide a library
    from gradaudit.report.runs import one_line
    from gradaudit.script import find_script, run_script

    script = find_script(options.script)
    machine = form != "text" and sink is None
    keep = _stdout_for_the_report if machine else _stdout_beside_the_script
    with keep(last=options.last):
        runs, raised = run_script(
            script,
            after=options.after,
            thorough=options.thorough,
            budget=settings["budget"].value or 500,
            rng=settings["seed"].value,
            last=options.last,
            full_traceback=options.traceback,
        )
        try:
            _put_runs(runs, form, options, sink)
        except _OutputFailed:
            _tell(one_line(runs, encoding=_encoding(sys.stderr)))
            raise
    if not runs and not raised and not runs.interrupted:
        _tell(f"error: {script.name} never called an optimizer of SciPy's")
    return _run_code(runs, raised)


def _run_code(runs: Runs, raised: bool) -> int:
    if runs.interrupted:
        return INTERRUPTED
    return COULD_NOT_CHECK if raised or not runs else _EXIT_CODES[str(runs.verdict)]


def _put_runs(runs: Runs, form: str, options: argparse.Namespace, sink: Path | None) -> None:
    # heavy: they load numpy
    from gradaudit.report.json import render_json
    from gradaudit.report.runs import one_line, render_runs

    here = _encoding(_stdout())
    short = one_line(runs, encoding=here) + "\n"
    if form == "json":
        text = render_json(runs)
    elif options.quiet:
        text = short if sink is None else one_line(runs) + "\n"
    else:
        look = _appearance(sink)
        text = render_runs(
            runs,
            console_width=look["console_width"],
            encoding=look["encoding"],
            verbosity=options.verbose,
        )
        if sink is None:
            text = f"{' gradaudit ':-^{_width() - 1}}\n{text}"
    _put(text, sink)
    if sink is not None:
        _write(short)


def _explain(options: argparse.Namespace) -> int:
    record = find_record(options.code)
    if record is None:
        codes = [known.code for known in RECORDS.values()]
        close = nearest(options.code, [*RECORDS, *codes])
        advice = f"did you mean {close}?" if close else "codes run from GA101 to GA903"
        _refuse(f"no finding is called {options.code!r}", advice)
    heading = f"{record.code} {record.slug} ({record.level})\n{record.summary}"
    _write(f"{heading}\n\n{read_page(record)}")
    return 0


def _resolve(options: argparse.Namespace, settings: Configuration) -> Target:
    reference = parse_reference(options.target)
    flags = _target_flags(options, reference, settings)
    if _hides_a_library(reference):
        # numpy and rich would import the user's random.py in the place of Python's
        for name in ("gradaudit.api.check", "gradaudit.report.text"):
            importlib.import_module(name)
    with _users_code(reference.module):
        return resolve_target(reference, flags)


def _hides_a_library(reference: Reference) -> bool:
    """Whether a file beside the target is called like a module of Python's own."""
    folders = [Path.cwd(), *([reference.path.parent] if reference.path else [])]
    return any(
        name.removesuffix(".py") in sys.stdlib_module_names
        for folder in folders
        for name in _names_in(folder)
    )


def _names_in(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []


@contextlib.contextmanager
def _introduced(
    target: Target, options: argparse.Namespace, settings: Configuration, sink: Path | None
) -> Generator[str]:
    """Yield what stands above a report for people: the source of everything that was found.

    Stdout carries nothing but a report: without one for people, or when an error takes its
    place, the sources go to stderr.
    """
    sources = [f"{what} from {where}" for what, where in target.sources]
    lines = _wrapped("", sources)
    if options.verbose:
        lines += _wrapped("settings: ", describe(settings))
    text = "" if options.quiet else "".join(f"{_visible(line)}\n" for line in lines)
    human = settings["format"].value == "text" and sink is None
    if not human:
        _tell(text.rstrip("\n"))
    try:
        yield text + "\n" if human and text else ""
    except GradauditError:
        if human:
            _tell(text.rstrip("\n"))
        raise


def _wrapped(title: str, items: Sequence[str]) -> list[str]:
    """Return ``title: item, item`` in lines as wide as the terminal, no item broken."""
    text = title + ", ".join(item.replace(" ", "\0") for item in items)
    lines = textwrap.wrap(text, _width(), break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]


def _audit(target: Target, settings: Configuration, *, quiet: bool) -> tuple[Report | None, bool]:
    """Run the check; return its report and whether it was interrupted."""
    from gradaudit.api.check import check  # heavy: loads numpy

    line = _ProgressLine() if _is_terminal(sys.stderr) and not quiet else None
    values = {name: settings[name].value for name in SETTINGS if name not in ("format", "seed")}
    try:
        with _users_code(target.name):
            report = check(
                target.fun,
                target.x0,
                jac=target.jac,
                args=target.args,
                bounds=target.bounds,
                blocks=target.blocks,
                rng=settings["seed"].value,
                progress=line,
                **values,
            )
    except KeyboardInterrupt as stop:
        return getattr(stop, "gradaudit_report", None), True
    finally:
        if line is not None:
            line.clear()
    _require_gradient(report, target)
    return report, False


def _require_gradient(report: Report, target: Target) -> None:
    """Ask for the gradient where nobody said that the function returns it: that is no fault."""
    said = any(what == "jac" for what, _ in target.sources)
    if said or all(finding.slug != "jac-flag" for finding in report.findings):
        return
    names = target.gradient_candidates[:3] or ("module:name",)
    _refuse(
        f"{target.name} does not return (cost, gradient), and no gradient is named",
        f"name the function that returns it: --jac {' or --jac '.join(names)}",
    )


def _layout(target: Target) -> Layout:
    from gradaudit.api.discovery import discover_blocks  # heavy: loads numpy
    from gradaudit.problem import Problem  # heavy: loads numpy

    problem = Problem(target.fun, target.x0, jac=target.jac, args=target.args, blocks=target.blocks)
    return problem.layout or discover_blocks(target.fun, target.x0, args=target.args)


# the user's code -----------------------------------------------------------------------------


# where our own output goes while sys.stdout is the user's
_REPORT: Final[ContextVar[TextIO | None]] = ContextVar("_REPORT", default=None)


@contextlib.contextmanager
def _stdout_for_the_report(*, last: bool) -> Generator[None]:
    """Keep stdout for the report; what the user's code prints goes to stderr.

    The user's threads may print at any time, hence not only while the user's code is called; and
    when the interpreter ends, hence for good where nothing comes behind the report.
    """
    out = sys.stdout
    with _own_descriptor(out, last=last) as (ours, users):
        token = _REPORT.set(ours)
        sys.stdout = users
        try:
            yield
        finally:
            sys.stdout = users if last else out
            _REPORT.reset(token)


@contextlib.contextmanager
def _stdout_beside_the_script(*, last: bool) -> Generator[None]:
    """Leave stdout to a script, and keep a way to it for the report: a script may close it."""
    out = sys.stdout
    number = _descriptor(out)
    if number < 0 or not last:
        yield
        return
    text: Any = {"encoding": out.encoding, "errors": out.errors}
    ours = io.TextIOWrapper(open(os.dup(number), "wb"), **text)  # noqa: SIM115
    token = _REPORT.set(ours)
    try:
        yield
    finally:
        _REPORT.reset(token)
        with contextlib.suppress(OSError, ValueError):
            ours.close()


@contextlib.contextmanager
def _own_descriptor(out: TextIO, *, last: bool) -> Generator[tuple[TextIO, TextIO]]:
    """Yield a stream for us, and one to stderr for the user, who may close it.

    Descriptor 1 points to stderr, for the sake of C code and child processes.
    """
    if (_descriptor(out), _descriptor(sys.stderr)) != (1, 2):
        yield out, sys.stderr
        return
    out.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    text: Any = {"encoding": out.encoding, "errors": out.errors}
    users = io.TextIOWrapper(open(2, "wb", closefd=False), line_buffering=True, **text)  # noqa: SIM115
    ours = io.TextIOWrapper(open(kept, "wb", closefd=False), **text)  # noqa: SIM115
    try:
        yield ours, users
    finally:
        for stream in (users, ours, out):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        _flush_c_streams()
        if not last:
            os.dup2(kept, 1)
            os.close(kept)


def _stdout() -> TextIO:
    return _REPORT.get() or sys.stdout


@contextlib.contextmanager
def _users_code(name: str) -> Generator[None]:
    """Give the user's code an argv of its own, and take back the streams that it replaces.

    Scripts read ``sys.argv`` when they are imported; ours would mean nothing to them.
    """
    out, err, words = sys.stdout, sys.stderr, sys.argv
    sys.argv = [name]
    try:
        yield
    except SystemExit as stop:
        failure = TargetError(f"{name} called sys.exit({stop.code!r})")
        raise failure from stop
    finally:
        sys.stdout, sys.stderr, sys.argv = out, err, words


def _flush_c_streams() -> None:
    """Empty the buffers of C's printf while descriptor 1 still points to stderr."""
    import ctypes  # heavy: numpy has loaded it by now

    with contextlib.suppress(OSError, TypeError, AttributeError):
        library = ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None)
        library.fflush(None)


def _descriptor(stream: Any) -> int:
    try:
        return stream.fileno()
    except (OSError, ValueError, AttributeError):
        return -1


class _ProgressLine:
    """One line on a terminal, rewritten in place, for those who wait longer than a second."""

    def __init__(self) -> None:
        self._stream = sys.stderr
        self._began = self._shown_at = time.monotonic()
        self._length = 0

    def __call__(self, progress: Progress) -> None:
        now = time.monotonic()
        if now - self._began < 1 or now - self._shown_at < 0.1:
            return
        self._shown_at = now
        self._show(progress_text(progress)[: _width() - 1])

    def clear(self) -> None:
        if self._length:
            self._show("")
            self._put("\r")

    def _show(self, text: str) -> None:
        self._put("\r" + text.ljust(self._length))
        self._length = len(text)

    def _put(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


def progress_text(progress: Progress) -> str:
    """Say what is going on, how far it is and how long it will take."""
    planned = f" of {progress.planned:,}" if progress.planned else ""
    words = [f"{progress.done:,}{planned} evaluations in {_duration(progress.seconds)}"]
    if progress.remaining is not None:
        words.append(f"about {_duration(progress.remaining)} left")
    phase = _visible(progress.phase, ascii_only=True)
    return ", ".join([f"{phase}: {words[0]}" if phase else words[0], *words[1:]])


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


# the output ----------------------------------------------------------------------------------


def _sink(text: str | None) -> Path | None:
    """Return the file to write to, None for stdout; refuse what cannot be written, early."""
    if text is None or text == "-":
        return None
    path = Path(text).absolute()  # before the user's code changes the working directory
    try:
        is_folder, has_folder = path.is_dir() or not text, path.parent.is_dir()
        writable = os.access(path if path.exists() else path.parent, os.W_OK)
    except (OSError, ValueError) as error:  # too long, or a null character
        _refuse(f"--output {text!r}: {error}", "give the name of a file")
    if is_folder:
        what = "is a folder" if text else "is empty"
        _refuse(f"--output {text!r} {what}", "give the name of a file")
    if not has_folder:
        _refuse(f"--output {text!r}: there is no folder {path.parent}", "make it first")
    if not writable:
        _refuse(f"--output {text!r} is not writable", "choose another file")
    return path


def _deliver(
    report: Report | Diagnosis,
    introduction: str,
    options: argparse.Namespace,
    settings: Configuration,
    sink: Path | None,
) -> None:
    """Write the report; when that fails, its verdict is still told."""
    from gradaudit.report import text  # heavy: loads numpy and rich
    from gradaudit.report.diagnosis import one_line as one_line_of_diagnosis
    from gradaudit.results import Diagnosis

    def one_line(report: Report | Diagnosis, *, encoding: str) -> str:
        if isinstance(report, Diagnosis):
            return one_line_of_diagnosis(report, encoding=encoding)
        return text.one_line(report, encoding=encoding)

    form = settings["format"].value
    encoding = _encoding(_stdout()) if sink is None else "utf-8"
    try:
        if form == "text" and options.quiet:
            _put(one_line(report, encoding=encoding) + "\n", sink)
        else:
            _put(introduction + _rendered(report, form, sink, options.verbose), sink)
        if sink is not None:
            _write(one_line(report, encoding=_encoding(_stdout())) + "\n")
    except _OutputFailed:
        _tell(one_line(report, encoding=_encoding(sys.stderr)))
        raise


def _rendered(report: Report | Diagnosis, form: str, sink: Path | None, verbosity: int) -> str:
    # heavy: they load numpy and rich
    from gradaudit.report.diagnosis import render_text as render_diagnosis
    from gradaudit.report.github import render_github
    from gradaudit.report.html import render_html
    from gradaudit.report.json import render_json
    from gradaudit.report.sarif import render_sarif
    from gradaudit.report.text import render_text
    from gradaudit.results import Diagnosis

    if form == "text":
        appearance = _appearance(sink)
        if isinstance(report, Diagnosis):
            terminal = sink is None and _is_terminal(_stdout())
            return render_diagnosis(report, verbosity=verbosity, terminal=terminal, **appearance)
        return render_text(report, verbosity=verbosity, **appearance)
    if form == "sarif":
        return render_sarif(report, root=str(Path.cwd()))
    text = {"json": render_json, "github": render_github, "html": render_html}[form](report)
    if form == "html" and sink is None and not _is_utf8(_encoding(_stdout())):
        # the page says that it is UTF-8: on another stream it must be plain ASCII
        return text.encode("ascii", "xmlcharrefreplace").decode("ascii")
    return text


def _rendered_layout(layout: Layout, form: str, sink: Path | None) -> str:
    # heavy: they load numpy and rich
    from gradaudit.report.json import render_json
    from gradaudit.report.text import render_layout

    return render_json(layout) if form == "json" else render_layout(layout, **_appearance(sink))


def _appearance(sink: Path | None) -> dict[str, Any]:
    if sink is not None:
        return {"console_width": 100, "colour": False, "encoding": "utf-8"}
    return {
        "console_width": _width(),
        "colour": _colour(_stdout(), os.environ),
        "encoding": _encoding(_stdout()),
    }


def _colour(stream: TextIO, environment: Mapping[str, str]) -> bool:
    if environment.get("NO_COLOR"):
        return False
    if environment.get("FORCE_COLOR"):
        return True
    return _is_terminal(stream) and environment.get("TERM") != "dumb"


def _width() -> int:
    return max(shutil.get_terminal_size((80, 24)).columns, 20)


def _is_terminal(stream: TextIO) -> bool:
    try:
        return stream.isatty()
    except (OSError, ValueError):
        return False


def _encoding(stream: TextIO) -> str:
    return getattr(stream, "encoding", None) or "utf-8"  # a StringIO has None


def _is_utf8(encoding: str) -> bool:
    return encoding.lower().replace("_", "-") in ("utf-8", "utf8")


def _put(text: str, sink: Path | None) -> None:
    if sink is None:
        _write(text if text.endswith("\n") else text + "\n")
        return
    try:
        with open(sink, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        raise _OutputFailed(f"--output {str(sink)!r}: {error.strerror or error}") from None


def _write(text: str) -> None:
    """Write to stdout. A reader who has left (``| head -1``) is no error; a full disk is."""
    stream = _stdout()
    encoding = _encoding(stream)
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except OSError as error:
        _let_go(stream)
        # Windows reports a closed pipe as EINVAL
        if isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == 22):
            return
        raise _OutputFailed(f"standard output: {error.strerror or error}") from None


def _let_go(stream: TextIO) -> None:
    """Send what is still in the buffer nowhere: the interpreter would fail on it at its end."""
    number = _descriptor(stream)
    if number >= 0:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


def _tell(text: str) -> None:
    """Write a line to stderr; when even that fails there is nobody to tell."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{text}\n" if text else "")
        sys.stderr.flush()


def _open_missing_streams() -> None:
    """Give a process that was started with closed streams some that swallow everything.

    Otherwise the first file that anybody opens gets descriptor 1, and receives all output.
    """
    if None not in (sys.stdout, sys.stderr):
        return
    number = os.open(os.devnull, os.O_RDWR)
    while number <= 2:
        number = os.open(os.devnull, os.O_RDWR)
    os.close(number)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        if getattr(sys, name) is None:
            stream = io.TextIOWrapper(
                open(descriptor, "wb", closefd=False),  # noqa: SIM115  (it lives as long as we)
                encoding="utf-8",
                errors="backslashreplace",
            )
            setattr(sys, name, stream)


# errors --------------------------------------------------------------------------------------


def _tell_error(error: GradauditError, *, everything: bool) -> None:
    """Tell what went wrong, whose code raised it, and the way out."""
    lines = [f"error: {_indented(str(error))}"]
    cause = error.__cause__
    if everything:
        lines += "".join(traceback.format_exception(error)).splitlines()
    elif cause is not None:
        lines += _users_frames(cause)
        lines += _notes_of(cause)
        lines += _deeper_causes(cause)
    lines += [f"help: {_indented(note)}" for note in getattr(error, "__notes__", ())]
    if cause is not None and not everything:
        lines.append("help: --traceback shows all of it")
    _tell("\n".join(_visible(line) for line in lines))


def _tell_defect(error: BaseException, *, everything: bool) -> None:
    text = "".join(traceback.format_exception_only(error)).strip()
    lines = [f"error: gradaudit itself failed: {_indented(text)}"]
    if everything:
        lines += "".join(traceback.format_exception(error)).splitlines()
    else:
        frames = traceback.extract_tb(error.__traceback__)
        lines += [line for frame in frames[-2:] for line in _frame_lines(frame)]
        lines.append("help: this is a defect of gradaudit; report it with what --traceback shows")
    _tell("\n".join(_visible(line) for line in lines))


def _indented(text: str) -> str:
    return text.strip().replace("\n", "\n    ")


def _deeper_causes(error: BaseException) -> list[str]:
    """Tell the exceptions that led to this one, the nearest first."""
    lines: list[str] = []
    seen = {id(error)}
    while True:
        inner = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if inner is None or id(inner) in seen:
            return lines
        text = "".join(traceback.format_exception_only(inner)).strip()
        lines += [f"caused by {_indented(text)}", *_users_frames(inner)]
        seen.add(id(inner))
        error = inner


def _notes_of(error: BaseException) -> list[str]:
    return [f"  note: {_indented(str(note))}" for note in getattr(error, "__notes__", ())]


def _users_frames(error: BaseException) -> list[str]:
    """Return the user's frames, as ``file:line`` with their source, outermost first."""
    frames = [f for f in traceback.extract_tb(error.__traceback__) if not _is_machinery(f)]
    own = [frame for frame in frames if not _is_library(frame)] or frames
    lines = [_frame_lines(frame) for frame in own]
    if len(lines) > _MOST_FRAMES:
        half = _MOST_FRAMES // 2
        left_out = [[f"  ... {len(lines) - 2 * half:,} more ..."]]
        lines = lines[:half] + left_out + lines[-half:]
    if isinstance(error, SyntaxError) and error.filename:
        lines.append([f"  {_shown(error.filename)}:{error.lineno}", f"    {_stripped(error.text)}"])
    return [line for both in lines for line in both]


def _frame_lines(frame: traceback.FrameSummary) -> list[str]:
    place = f"  {_shown(frame.filename)}:{frame.lineno}"
    name = "" if frame.name == "<module>" else f" in {frame.name}"
    return [place + name, *([f"    {_stripped(frame.line)}"] if frame.line else [])]


def _stripped(source: str | None) -> str:
    return (source or "").strip()


def _is_machinery(frame: traceback.FrameSummary) -> bool:
    path = Path(frame.filename)
    return (
        frame.filename.startswith("<frozen ")
        or Path(__file__).parent in path.parents
        or "importlib" in path.parts
    )


def _is_library(frame: traceback.FrameSummary) -> bool:
    path = Path(frame.filename)
    return not {"site-packages", "dist-packages"}.isdisjoint(path.parts) or (
        Path(os.__file__).parent in path.parents
    )


def _shown(filename: str) -> str:
    """Return a path as short as it can be clicked."""
    path = Path(filename)
    with contextlib.suppress(OSError, ValueError):
        return str(path.relative_to(Path.cwd()))
    return filename


def _visible(text: str, *, ascii_only: bool = False) -> str:
    r"""Write control characters as ``\x1b``; line breaks and tabs stay."""
    return "".join(
        char
        if char in "\n\t" or (char.isprintable() and (char.isascii() or not ascii_only))
        else char.encode("unicode_escape").decode("ascii")
        for char in text
    )
