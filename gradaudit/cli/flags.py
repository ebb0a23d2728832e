"""The flags of the commands, in the groups that several commands share."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, Final

from gradaudit.config import FORMATS

# of commands whose results are no single report
PLAIN_FORMATS: Final = ("text", "json")


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


def add_target_flags(parser: argparse.ArgumentParser, *, optional: bool = False) -> None:
    """Add the target, and where its start, gradient, bounds and blocks are."""
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


def add_audit_flags(parser: argparse.ArgumentParser) -> None:
    """Add the settings of an audit."""
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


def add_trace_flag(parser: argparse.ArgumentParser) -> None:
    """Let a check look for the wrong line."""
    parser.add_argument(
        "--trace", action="store_true", help="when it fails, look for the wrong line as well"
    )


def add_size_flags(parser: argparse.ArgumentParser) -> None:
    """Add a target that takes sizes, and the sizes."""
    parser.add_argument("target", metavar="TARGET", help="mymodule:make_problem, which takes sizes")
    parser.add_argument(
        "--size",
        action="append",
        metavar="NAME=SIZE",
        help="a size n=3, a range n=2..6, or another value of a parameter (repeatable)",
    )


def add_code(parser: argparse.ArgumentParser) -> None:
    """Add the code of a finding."""
    parser.add_argument("code", metavar="CODE", help="such as GA101 or ignored-argument")
    parser.add_argument("--traceback", action="store_true", help=argparse.SUPPRESS)


def add_trace_flags(parser: argparse.ArgumentParser) -> None:
    """Add the settings of a trace."""
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


def add_optimizer_flags(parser: argparse.ArgumentParser) -> None:
    """Add what `scipy.optimize.minimize` is called with, and the settings of a diagnosis."""
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


def add_run_flags(parser: argparse.ArgumentParser) -> None:
    """Add the settings of the diagnoses of a script."""
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


def add_output_flags(parser: argparse.ArgumentParser, formats: Sequence[str] = FORMATS) -> None:
    """Add where the report goes, in which format and how long."""
    group = parser.add_argument_group("about the output")
    group.add_argument("--format", action=_Once, metavar="FORMAT", help=" | ".join(formats))
    group.add_argument("--json", action="store_true", help="the same as --format json")
    group.add_argument("--output", action=_Once, metavar="FILE", help="write the report to a file")
    group.add_argument("-q", "--quiet", action="store_true", help="one line")
    group.add_argument("-v", "--verbose", action="count", default=0, help="more; -vv for all")
    group.add_argument(
        "--traceback", action="store_true", help="show all of the traceback of an exception"
    )
