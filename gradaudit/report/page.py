"""The page that text for people is written on: wrapping, safe names, the form of a finding."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from gradaudit.report import wording
from gradaudit.results import Finding

_NARROWEST: Final = 24
_UNLIMITED: Final = 10_000

STYLE: Final[dict[str, str]] = {
    "PASS": "bold green",
    "FAIL": "bold red",
    "INCONCLUSIVE": "bold yellow",
    "error": "bold red",
    "warning": "bold yellow",
    "note": "bold cyan",
    "label": "blue",
}


@dataclass(frozen=True, slots=True)
class Page:
    """Where the text is to stand."""

    console: Console
    width: int
    ascii_only: bool
    fold_locations: bool

    def clean(self, text: str, style: str = "") -> Text:
        """Return text from the user with nothing left in it that a terminal would obey."""
        return Text(wording.visible(text, ascii_only=self.ascii_only), style=style)

    def hanging(self, head: Text, body: Text, *, indent: int | None = None) -> Text:
        """Wrap `body` behind `head`, its further lines indented (to where it starts)."""
        indent = head.cell_len if indent is None else indent
        lines = (head + body).wrap(self.console, self.width)
        first, rest = lines[0], (head + body)[len(lines[0]) :]
        rest = rest[len(rest.plain) - len(rest.plain.lstrip()) :]
        further = list(self._broken(rest, indent)) if rest else []
        return Text("\n" + " " * indent).join([first, *further])

    def filled(self, head: Text, pieces: Sequence[str]) -> Text:
        """Set pieces one behind the other, and break lines between them where possible."""
        lines, indent = [head], 2
        for piece in map(self.clean, pieces):
            space = 1 if lines[-1].plain.strip() and not lines[-1].plain.endswith(" ") else 0
            if lines[-1].cell_len + space + piece.cell_len <= self.width:
                lines[-1] = Text.assemble(lines[-1], " " * space, piece)
            else:
                lines += (Text(" " * indent) + part for part in self._broken(piece, indent))
        return Text("\n").join(lines)

    def _broken(self, piece: Text, indent: int) -> Iterable[Text]:
        return piece.wrap(self.console, self.width - indent)

    def labelled(self, label: str, words: str, *, style: str = "") -> Text:
        """Return ``  = label: words``."""
        head = Text.assemble("  ", (f"= {label}: ", STYLE["label"]))
        return self.hanging(head, self.clean(words, style))

    def line(self, words: str) -> Text:
        """Return words of our own, wrapped with a hanging indent."""
        return self.hanging(Text(), self.clean(words), indent=2)


Writer = Callable[[Page], Iterable[RenderableType]]


class Sheet:
    """Something that rich prints: it is laid out when the width is known."""

    def __init__(self, write: Writer, *, width: int | None, fold_locations: bool) -> None:
        self._write = write
        self._width = width
        self._fold_locations = fold_locations

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        page = Page(
            console,
            max(self._width or options.max_width, _NARROWEST),
            not wording.is_utf8(options.encoding),
            self._fold_locations,
        )
        yield from self._write(page)


def printed(write: Writer, width: int, colour: bool, encoding: str) -> str:
    """Return what `write` puts on a page of this width, in nothing but what the stream takes."""
    stream = io.StringIO()
    console = Console(
        file=stream,
        # lines are broken by the page; a table that cannot be narrower is not to lose anything
        width=_UNLIMITED,
        height=100,
        force_terminal=colour,
        color_system="standard" if colour else None,
        no_color=not colour,
        legacy_windows=False,
        force_jupyter=False,
        highlight=False,
        markup=False,
        emoji=False,
    )
    ascii_only = not wording.is_utf8(encoding)
    page = Page(console, max(width, _NARROWEST), ascii_only, fold_locations=False)
    for part in write(page):
        console.print(part, crop=False)
    lines = (line.rstrip() for line in stream.getvalue().split("\n"))
    return "\n".join(lines).rstrip("\n") + "\n"


def finding_lines(page: Page, finding: Finding, *, full: bool = True) -> Iterator[Text]:
    """Write a finding in its form: the fact, the place, the correction; evidence if `full`."""
    head = Text.assemble((f"{finding.level}[{finding.code}]", STYLE[finding.level]), ": ")
    yield page.hanging(head, page.clean(finding.message, "bold"), indent=4)
    if finding.location is not None:
        yield location_line(page, str(finding.location))
    if finding.replacement is not None:
        if finding.location is not None and finding.location.source.strip():
            yield page.labelled("now", finding.location.source.strip())
        yield page.labelled("fix", finding.replacement.strip(), style="green")
    if not full:
        return
    if unnamed := wording.unmentioned(finding):
        label = "block" if len(unnamed) == 1 else "blocks"
        yield page.labelled(label, wording.names_in_words(unnamed, limit=wording.FOLD_ABOVE))
    for note in finding.notes:
        yield page.labelled("note", note)
    if finding.help:
        yield page.labelled("help", finding.help)
    yield page.labelled("see", f"gradaudit explain {finding.code}")


def location_line(page: Page, place: str) -> Text:
    """Write a place that can be clicked: never cut, never wrapped where that can be helped."""
    head = Text.assemble("  ", ("--> ", STYLE["label"]))
    if page.fold_locations:
        return page.hanging(head, page.clean(place))
    return Text.assemble(head, page.clean(place), no_wrap=True, overflow="ignore")
