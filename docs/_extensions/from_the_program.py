"""Text that is taken from the program, so that it cannot drift.

The directive ``findings`` makes a table for each family of finding codes, with a link to the page
of each; the pages are written to ``reference/findings``, which git ignores, before Sphinx reads its
sources. The directive ``help`` shows what the command prints for ``--help``; its arguments are the
subcommand.
"""

import os
import re
import subprocess
import sys
from itertools import groupby
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from gradaudit.catalogue import RECORDS, Record, read_page

FAMILIES = {
    "GA1": "Wiring",
    "GA2": "Wrong gradient",
    "GA3": "A function unfit for differencing",
    "GA4": "Inconclusive",
    "GA5": "Optimizers",
    "GA9": "Usage",
}


class Findings(SphinxDirective):
    """A heading and a table for each family of the catalogue."""

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        records = sorted(RECORDS.values(), key=lambda record: record.code)
        sections: list[nodes.Node] = []
        for family, members in groupby(records, key=lambda record: record.code[:3]):
            section = nodes.section(ids=[family.lower()])
            section += nodes.title(text=f"{family}xx: {FAMILIES[family].lower()}")
            chosen = list(members)
            lines = [*table(chosen), *contents(chosen)]
            self.state.nested_parse(StringList(lines), self.content_offset, section)
            sections.append(section)
        return sections


def table(records: list[Record]) -> list[str]:
    """Return the lines of a Markdown table."""
    rows = [
        f"| {r.code} | [`{r.slug}`](findings/{r.page}) | {r.level} | {r.summary} |" for r in records
    ]
    return ["| code | name | level | what it says |", "|---|---|---|---|", *rows, ""]


def contents(records: list[Record]) -> list[str]:
    """Return the lines of a hidden table of contents: every page has its place in the tree."""
    return ["```{toctree}", ":hidden:", "", *(f"findings/{r.slug}" for r in records), "```"]


def write_pages(app: Sphinx) -> None:
    """Write the page of each finding, when it differs from what is there."""
    folder = Path(app.srcdir) / "reference" / "findings"
    folder.mkdir(exist_ok=True)
    wanted = {record.page: linked(record) for record in RECORDS.values()}
    for path in folder.iterdir():
        if path.name not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def linked(record: Record) -> str:
    """Return a page under its title, its references to GitHub and Stack Overflow as links."""
    page = read_page(record)
    page = re.sub(r"([\w.-]+/[\w.-]+)#(\d+)", r"[\g<0>](https://github.com/\1/issues/\2)", page)
    page = re.sub(r"(?<=Stack Overflow )(\d+)", r"[\1](https://stackoverflow.com/q/\1)", page)
    return f"# {record.code}: {record.slug}\n\n{record.level}: {record.summary}\n\n{page}"


class Help(SphinxDirective):
    """What ``gradaudit ... --help`` prints, 80 columns wide."""

    optional_arguments = 10

    def run(self) -> list[nodes.Node]:
        """Return the command and its output as one literal block."""
        words = [*self.arguments, "--help"]
        done = subprocess.run(
            [sys.executable, "-m", "gradaudit", *words],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1"},
        )
        if done.returncode:
            raise self.error(f"gradaudit {' '.join(words)} failed: {done.stderr.strip()}")
        text = f"$ gradaudit {' '.join(words)}\n{done.stdout.rstrip()}"
        return [nodes.literal_block(text, text, language="console")]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directives, and what happens before the sources are read."""
    app.connect("builder-inited", write_pages)
    app.add_directive("findings", Findings)
    app.add_directive("help", Help)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
