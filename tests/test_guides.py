"""What the pages show of the command line is what the command line prints."""

from __future__ import annotations

import difflib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import scipy

CHECKOUT = Path(__file__).parents[1]
PAGES = [CHECKOUT / "README.md", *sorted((CHECKOUT / "docs").rglob("*.md"))]
GUIDE = CHECKOUT / "docs" / "how_to" / "optimizer_stopped.md"
SURROUNDINGS = {**os.environ, "PYTHONPATH": str(CHECKOUT), "COLUMNS": "80", "NO_COLOR": "1"}

# what cannot be run from the checkout as it stands, and why
NOT_RUN = {
    ("docs/how_to/optimizer_stopped.md", "run train.py"): "its script is on the page: see below",
}
# SciPy 1.15 writes its L-BFGS-B anew: another message, other iterates
OF_NEW_SCIPY = {"diagnose reference_models.question1:J --method L-BFGS-B"}
SCIPY = tuple(int(part) for part in scipy.__version__.split(".")[:2])


class Block(NamedTuple):
    """A command on a page, and the output that the page shows below it."""

    page: str
    words: str
    shown: str


def blocks_of(page: Path) -> list[Block]:
    """Read the commands of the console blocks of a page, and what the page shows below each."""
    name = page.relative_to(CHECKOUT).as_posix()
    found: list[Block] = []
    above = ""
    for kind, text in re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S):
        if kind == "console":
            # without a prompt it shows what the shell block above it printed
            parts = re.split(r"^\$ (.*)\n", above * (text[:2] != "$ ") + text, flags=re.M)
            shown = zip(parts[1::2], parts[2::2], strict=True)
            found += [Block(name, re.sub(r".*\bgradaudit ", "", w), text) for w, text in shown]
        above = f"$ {text.splitlines()[-1]}\n" if kind == "sh" else ""
    return found


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
RUN = [block for block in BLOCKS if (block.page, block.words) not in NOT_RUN]


def printed_by(block: Block) -> str:
    """Run a command with the seed that its page shows, and with all the time it needs."""
    words = [*shlex.split(block.words)]
    seed = re.search(r"\bseed (\d+)", block.shown)
    if seed is not None and "--seed" not in words:
        words += ["--seed", seed[1]]
    if words[0] == "trace":
        words += ["--seconds", "500"]
    done = subprocess.run(
        [sys.executable, "-m", "gradaudit", *words],
        capture_output=True,
        encoding="utf-8",
        check=False,
        cwd=CHECKOUT,
        env=SURROUNDINGS,
    )
    assert done.returncode in (0, 1), done.stderr
    return done.stdout


def steady(text: str) -> list[str]:
    """Return the words of a text without what depends on the machine.

    These are seconds, numbers of the size of a rounding error, counts of evaluations, and where
    a line is broken between them.
    """
    text = re.sub(r"\b\d+(\.\d+)?e[+-]\d+\b", "TINY", text)
    text = re.sub(r"\b\d+(\.\d+)?(e-\d+)? s\b", "SECONDS", text)
    text = re.sub(r"\b[\d,]+ evaluations\b", "COUNT evaluations", text)
    return text.split()


def counts(text: str) -> list[int]:
    return [int(n.replace(",", "")) for n in re.findall(r"\b([\d,]+)\s+evaluations\b", text)]


def assert_shown(shown: str, printed: str) -> None:
    """Compare a block with what the command prints; a line ``...`` stands for left out ones."""
    pieces = re.split(r"^ *\.\.\.$", shown, flags=re.M)
    pattern = ".*".join(re.escape(" ".join(steady(piece))) for piece in pieces)
    same = re.fullmatch(pattern, " ".join(steady(printed))) is not None
    difference = difflib.unified_diff(shown.splitlines(), printed.splitlines(), "page", "command")
    assert same, "\n".join(difference)


def test_every_page_that_shows_the_command_line_is_read() -> None:
    pages = {block.page for block in BLOCKS}

    assert {"README.md", "docs/tutorials/trace_question2.md"} <= pages
    assert {(block.page, block.words) for block in BLOCKS} >= set(NOT_RUN)


@pytest.mark.parametrize("block", RUN, ids=[f"{block.page}:{block.words}" for block in RUN])
def test_a_page_shows_what_the_command_prints(block: Block) -> None:
    if block.words in OF_NEW_SCIPY and SCIPY < (1, 15):
        pytest.skip("the page shows what a newer SciPy does")
    printed = printed_by(block)

    assert_shown(block.shown, printed)
    if "\n...\n" not in block.shown:
        assert counts(block.shown) == pytest.approx(counts(printed), rel=0.25)


@pytest.mark.parametrize(
    ("shown", "fits"),
    [
        ("first\n...\nthird\n1,200 evaluations\n", True),
        ("first\nsecond 12 s\n...\n", True),
        ("...\nthird\n980 evaluations\n", True),
        ("first\n...\nsecond 0.3 s\n", False),
        ("...\nthird\n", False),
        ("third\n...\nsecond 0.3 s\n...\n", False),
        ("first\nthird\n...\n", False),
    ],
)
def test_a_block_that_leaves_lines_out_is_compared_in_order(shown: str, fits: bool) -> None:
    printed = "first\nsecond 0.3 s\nthird\n1,234 evaluations\n"
    if fits:
        assert_shown(shown, printed)
        return
    with pytest.raises(AssertionError, match="page"):
        assert_shown(shown, printed)


def finding(text: str) -> list[str]:
    """Cut the finding out of a report: the lines around it depend on clocks and versions."""
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if "error[GA101]" in line)
    last = next(i for i, line in enumerate(lines) if "= see:" in line)
    return lines[first : last + 1]


def test_the_script_of_question_1_is_run_as_the_guide_shows(tmp_path: Path) -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    script = re.search(r"^```python\n(# train\.py\n.*?)^```$", guide, re.M | re.S)
    shown = re.search(r"^```console\n(.*?)^```$", guide, re.M | re.S)
    assert script is not None
    assert shown is not None
    (tmp_path / "train.py").write_text(script[1], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "gradaudit", "run", "train.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env=SURROUNDINGS,
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("ABNORMAL")
    assert finding(done.stdout) == finding(shown[1])
    assert "confirmed: with its argument in the place of theta" in done.stdout
