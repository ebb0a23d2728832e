"""The HTML file: complete by itself, and nothing of the user's is markup."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from gradaudit.report.html import render_fragment, render_html
from gradaudit.results import Report

VOID = {"meta"}
ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "main", "div", "header", "article"),
    *("h1", "h2", "h3", "p", "span", "b", "code", "pre", "ul", "li", "details", "summary"),
    *("dl", "dt", "dd", "table", "thead", "tbody", "tr", "th", "td"),
}


class Reader(HTMLParser):
    """Collects the text, and refuses tags that are unknown or not balanced."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in ALLOWED, tag
        assert not any(name.startswith("on") or name in ("src", "href") for name, _ in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)


def _read(document: str) -> str:
    reader = Reader()
    reader.feed(document)
    reader.close()
    assert not reader.open
    return "".join(reader.words)


def test_every_kind_of_report_is_balanced_ascii_without_network(report: Report) -> None:
    document = render_html(report)
    assert document.isascii()
    assert not re.search(r"https?:|url\(|@import|<script", document)
    assert report.verdict in _read(document)


def test_hostile_names_are_text(hostile_report: Report) -> None:
    document = render_html(hostile_report)
    assert document.isascii()
    assert "the gradient has the opposite sign" in _read(document)


def test_hostile_names_are_shown(hostile_report: Report, hostile_name: str) -> None:
    visible = hostile_name if hostile_name.isprintable() else "\\"
    assert visible in _read(render_html(hostile_report))


def test_a_document_serves_light_and_dark(reports: dict[str, Report]) -> None:
    document = render_html(reports["failing"])
    assert "prefers-color-scheme: dark" in document
    assert document.startswith("<!DOCTYPE html>")


def test_a_fragment_touches_nothing_outside_itself(report: Report) -> None:
    fragment = render_fragment(report)
    _read(fragment)
    style = fragment.split("<style>")[1].split("</style>")[0]
    selectors = re.findall(r"([^{}]+)\{", style)
    assert all(
        part.strip().startswith(".gradaudit") for rule in selectors for part in rule.split(",")
    )


def test_a_notebook_gets_text_and_html(reports: dict[str, Report]) -> None:
    bundle = reports["passing"]._repr_mimebundle_()
    assert bundle["text/plain"] == str(reports["passing"])
    assert bundle["text/html"] == render_fragment(reports["passing"])
