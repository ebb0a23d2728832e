"""Two directives that take their text from the program, so that it cannot drift.

``findings`` makes a table for each family of finding codes. ``help`` shows what the command prints
for ``--help``; its arguments are the subcommand.
"""

import os
import subprocess
import sys
from itertools import groupby

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from gradaudit.catalogue import RECORDS, Record

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
            self.state.nested_parse(StringList(table(list(members))), self.content_offset, section)
            sections.append(section)
        return sections


def table(records: list[Record]) -> list[str]:
    """Return the lines of a Markdown table."""
    rows = [f"| {r.code} | `{r.slug}` | {r.level} | {r.summary} |" for r in records]
    return ["| code | name | level | what it says |", "|---|---|---|---|", *rows, ""]


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
    """Register the directives."""
    app.add_directive("findings", Findings)
    app.add_directive("help", Help)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
