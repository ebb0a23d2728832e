"""Results as one HTML file: styles inside, no network, no script, light and dark."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Final

from gradaudit.report import account, wording
from gradaudit.report.figures import Figure, figures_of
from gradaudit.report.markup import markup_text as _text
from gradaudit.report.svg import FIGURE_STYLE, svg_inline
from gradaudit.results import (
    BlockReport,
    Diagnosis,
    Entry,
    Finding,
    PointReport,
    Report,
    Settings,
    Verdict,
)

_DECADES: Final = 16
"""The scale of relative errors reaches from 1 down to 1e-16, one rounding unit."""

_PAGE_STYLE: Final = """
:root { color-scheme: light dark; }
body { margin: 0; background: #fff; color: #1f2328; }
main { max-width: 62rem; margin: 0 auto; padding: 2.5rem 1.25rem 3rem; }
@media (prefers-color-scheme: dark) { body { background: #0f1318; color: #e4e8ee; } }
@media print { main { padding: 0; } }
"""

# every colour of the fragment is either the surrounding text's, or readable on light and dark
_STYLE: Final = """
.gradaudit { font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
.gradaudit * { box-sizing: border-box; }
.gradaudit code, .gradaudit pre, .gradaudit .mono, .gradaudit td.n, .gradaudit th.name
  { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
    font-size: .9em; }
.gradaudit .quiet { opacity: .72; }
.gradaudit header { display: flex; flex-wrap: wrap; gap: .4rem 1rem; align-items: center; }
.gradaudit h1 { font-size: 1.3rem; font-weight: 600; margin: 0; overflow-wrap: anywhere; }
.gradaudit h2 { font-size: 1rem; font-weight: 600; margin: 2rem 0 .5rem; }
.gradaudit p { margin: .5rem 0; overflow-wrap: anywhere; }
.gradaudit .chip { display: inline-block; padding: 0 .6em; border-radius: .35em; color: #fff;
  line-height: 1.6; font-size: .8rem; font-weight: 700; letter-spacing: .04em;
  white-space: nowrap; }
.gradaudit header .chip { font-size: 1rem; padding: .2em .75em; }
.gradaudit .PASS { background: #1a7f37; }
.gradaudit .FAIL, .gradaudit .error { background: #c4232f; }
.gradaudit .INCONCLUSIVE, .gradaudit .warning { background: #8f6200; }
.gradaudit .note { background: #2767b0; }
.gradaudit article { border: 1px solid rgba(128,128,128,.35); border-left-width: 4px;
  border-radius: .4rem; padding: .8rem 1rem; margin: 1rem 0; }
.gradaudit article.is-error { border-left-color: #c4232f; }
.gradaudit article.is-warning { border-left-color: #8f6200; }
.gradaudit article.is-note { border-left-color: #2767b0; }
.gradaudit article > :first-child { margin-top: 0; }
.gradaudit article > :last-child { margin-bottom: 0; }
.gradaudit article h3 { font-size: 1.02rem; font-weight: 600; margin: .1rem 0 .5rem;
  overflow-wrap: anywhere; }
.gradaudit article ul { margin: .5rem 0; padding-left: 1.2rem; overflow-wrap: anywhere; }
.gradaudit pre { margin: .6rem 0; padding: .5rem .75rem; border-radius: .3rem;
  background: rgba(128,128,128,.13); overflow-x: auto; }
.gradaudit .wide { overflow-x: auto; }
.gradaudit table { border-collapse: collapse; width: 100%; margin: .75rem 0; }
.gradaudit th, .gradaudit td { text-align: left; padding: .4rem .75rem .4rem 0; border: 0;
  border-bottom: 1px solid rgba(128,128,128,.25); vertical-align: top; background: none; }
.gradaudit thead th { font-size: .8rem; font-weight: 600; opacity: .72; white-space: nowrap; }
.gradaudit th.name { font-weight: 600; overflow-wrap: anywhere; min-width: 4rem;
  max-width: 24rem; }
.gradaudit td.n, .gradaudit thead th.n { text-align: right; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.gradaudit .scale { position: relative; display: block; width: 9rem; height: .5rem;
  margin-top: .5rem; border-radius: .25rem; background: rgba(128,128,128,.2); }
.gradaudit .fill { position: absolute; inset: 0 auto 0 0; border-radius: .25rem; }
.gradaudit .fill.bound { opacity: .45; }
.gradaudit .tick { position: absolute; top: -.2rem; bottom: -.2rem; width: 1px;
  background: currentColor; opacity: .55; }
.gradaudit .pair { display: flex; flex-wrap: wrap; gap: 0 2rem; }
.gradaudit .pair > div { flex: 1 1 24rem; }
.gradaudit details { margin: 1rem 0; }
.gradaudit summary { cursor: pointer; font-weight: 600; }
.gradaudit dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem;
  margin: .75rem 0; }
.gradaudit dt { opacity: .72; }
.gradaudit dd { margin: 0; overflow-wrap: anywhere; }
"""


def render_html(result: Report | Diagnosis) -> str:
    """Return the result as a complete HTML document of pure ASCII."""
    about = _title(result) if isinstance(result, Report) else account.heading(result)
    title = _text(f"{result.verdict}: {about}")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n<style>{_PAGE_STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"{render_fragment(result)}</main>\n</body>\n</html>\n"
    )


def render_fragment(result: Report | Diagnosis) -> str:
    """Return the result as an HTML fragment that brings its styles along, for notebooks."""
    parts = _report(result) if isinstance(result, Report) else _diagnosis(result)
    return f'<div class="gradaudit">\n<style>{_STYLE}</style>\n{"".join(parts)}</div>\n'


def _report(report: Report) -> list[str]:
    return [
        _header(report),
        *map(_finding, wording.open_findings(report)),
        _blocks(report),
        _worst([(block, entry) for block in report.blocks for entry in block.worst]),
        _points(report.points),
        _allowed(wording.allowed_findings(report)),
        _particulars(wording.particulars(report)),
    ]


def _title(report: Report) -> str:
    return f"gradient of {report.target}" if report.target else "gradient audit"


def _chip(word: str, kind: str) -> str:
    return f'<span class="chip {kind}">{_text(word)}</span>'


def _header(report: Report) -> str:
    why = wording.why_inconclusive(report)
    bounds = " ".join(wording.right_to_within(report, fold=len(report.blocks) > 12))
    lines = [
        f"<p>{_text(wording.summary(report))}</p>\n",
        f"<p>{_text(why)}</p>\n" if why else "",
        f'<p class="quiet">{_text(bounds)}</p>\n' if bounds else "",
        f'<p class="quiet">{_text(wording.thresholds(report))}</p>\n',
    ]
    verdict = _chip(report.verdict, report.verdict)
    return f"<header>{verdict}<h1>{_text(_title(report))}</h1></header>\n{''.join(lines)}"


# findings ------------------------------------------------------------------------------------


def _finding(finding: Finding) -> str:
    code = f'<span class="mono quiet">{finding.code} {_text(finding.slug)}</span>'
    parts = [f"<p>{_chip(finding.level, finding.level)} {code}</p>\n"]
    parts.append(f"<h3>{_text(finding.message)}</h3>\n")
    if finding.location is not None:
        parts.append(f'<p class="mono">{_text(str(finding.location))}</p>\n')
    parts.append(_correction(finding))
    if names := wording.unmentioned(finding):
        parts.append(f"<p>blocks: {_text(wording.names_in_words(names))}</p>\n")
    if finding.notes:
        notes = "".join(f"<li>{_text(note)}</li>\n" for note in finding.notes)
        parts.append(f"<ul>\n{notes}</ul>\n")
    if finding.help:
        parts.append(f"<p><b>help:</b> {_text(finding.help)}</p>\n")
    parts.append(f'<p class="quiet">see <code>gradaudit explain {finding.code}</code></p>\n')
    return f'<article class="is-{finding.level}">\n{"".join(parts)}</article>\n'


def _correction(finding: Finding) -> str:
    lines: list[tuple[str, str]] = []
    if finding.location is not None and finding.location.source.strip():
        lines.append(("now", finding.location.source.strip()))
    if finding.replacement is not None:
        lines.append(("fix", finding.replacement.strip()))
    if not lines:
        return ""
    shown = "\n".join(f'<span class="quiet">{word}</span>  {_text(line)}' for word, line in lines)
    return f"<pre>{shown}</pre>\n"


def _allowed(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    items = "".join(
        f"<li>{finding.code} {_text(finding.slug)}: {_text(finding.message)}</li>\n"
        for finding in findings
    )
    return f"<h2>Allowed</h2>\n<ul>\n{items}</ul>\n"


# blocks --------------------------------------------------------------------------------------


def _blocks(report: Report) -> str:
    if not report.blocks:
        return ""
    ratios = any(block.factor is not None for block in report.blocks)
    heads = [("", "block"), ("", "verdict"), ("", "shape"), ("n", "parameters")]
    heads += [("n", "relative error"), ("", "")]
    heads += [("n", "error bar"), *([("n", "ratio")] if ratios else [])]
    heads += [("n", "every entry within")]
    rows = [_block(block, report.settings, ratios) for block in report.blocks]
    remarks = "".join(
        f"<li>{_text(about)}: {_text(words)}</li>\n" for about, words in wording.remarks(report)
    )
    source = f"Names: {_text(report.layout_source)}. " if report.layout_source else ""
    legend = (
        f'<p class="quiet">{source}The scale reaches from 1e-{_DECADES} to 1, with ticks at '
        "negligible and rtol; a pale bar is an upper bound: no error was seen.</p>\n"
    )
    said = f"<ul>\n{remarks}</ul>\n" if remarks else ""
    return f"<h2>Blocks</h2>\n{_table(heads, rows)}{said}{legend}"


def _block(block: BlockReport, settings: Settings, ratios: bool) -> str:
    cells = [
        f'<th class="name" scope="row">{_text(wording.block_name(block.name))}</th>',
        f"<td>{_chip(block.verdict, block.verdict)}</td>",
        f'<td class="mono">{wording.shape_in_words(block.shape)}</td>',
        _number(f"{block.size:,}"),
        _number(wording.error_in_words(block)),
        f"<td>{_scale(block, settings)}</td>",
        _number(wording.number(block.error_bar)),
        _number(wording.ratio(block.factor)) if ratios else "",
        _number(wording.number(block.entry_bound) if block.verdict == Verdict.PASS else ""),
    ]
    return "".join(cells)


def _scale(block: BlockReport, settings: Settings) -> str:
    if not math.isfinite(block.relative_error):
        return ""
    bound = " bound" if block.error_kind == "at most" else ""
    width = _along(block.relative_error)
    fill = f'<span class="fill {block.verdict}{bound}" style="width:{width:.1f}%"></span>'
    ticks = "".join(
        f'<span class="tick" style="left:{_along(mark):.1f}%"></span>'
        for mark in (settings.negligible, settings.rtol)
    )
    return f'<span class="scale" aria-hidden="true">{fill}{ticks}</span>'


def _along(error: float) -> float:
    """Return where on the scale a relative error stands, in percent."""
    if error <= 0 or not math.isfinite(error):
        return 0.0
    return min(max(1 + math.log10(error) / _DECADES, 0.0), 1.0) * 100


def _table(heads: Iterable[tuple[str, str]], rows: Iterable[str]) -> str:
    head = "".join(
        f'<th scope="col" class="{kind}">{word}</th>' if kind else f'<th scope="col">{word}</th>'
        for kind, word in heads
    )
    body = "".join(f"<tr>{row}</tr>\n" for row in rows)
    return (
        f'<div class="wide">\n<table>\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}</tbody>\n</table>\n</div>\n"
    )


def _number(text: str) -> str:
    return f'<td class="n">{_text(text)}</td>'


# further detail ------------------------------------------------------------------------------


def _worst(entries: Sequence[tuple[BlockReport, Entry]]) -> str:
    if not entries:
        return ""
    heads = [("", "entry"), ("n", "returned"), ("n", "measured"), ("n", "bar")]
    rows = [
        f'<th class="name" scope="row">{_text(wording.entry_name(block.name, entry.index))}</th>'
        + _number(f"{entry.analytic:.6g}")
        + _number(f"{entry.numeric:.6g}")
        + _number(wording.number(entry.bar))
        for block, entry in entries
    ]
    return _details("Worst entries", _table(heads, rows))


def _points(points: Sequence[PointReport]) -> str:
    if not points:
        return ""
    heads = [("", "point"), ("n", "cost"), ("n", "gradient norm"), ("n", "noise")]
    heads += [("", "precision"), ("n", "distance from x0")]
    rows = [
        f'<th class="name" scope="row">{_text(point.name)}</th>'
        + _number(f"{point.cost:.6g}")
        + _number(wording.number(point.gradient_norm))
        + _number(wording.number(point.noise))
        + f"<td>{_text(point.precision)}</td>"
        + _number(wording.number(point.distance))
        for point in points
    ]
    return _details("Points", _table(heads, rows))


def _particulars(facts: Iterable[tuple[str, str]]) -> str:
    items = "".join(f"<dt>{_text(label)}</dt><dd>{_text(words)}</dd>\n" for label, words in facts)
    return _details("How this was measured", f"<dl>\n{items}</dl>\n")


def _details(title: str, body: str) -> str:
    return f"<details>\n<summary>{title}</summary>\n{body}</details>\n"


# diagnoses -----------------------------------------------------------------------------------


def _diagnosis(diagnosis: Diagnosis) -> list[str]:
    report = diagnosis.report
    return [
        f"<style>{FIGURE_STYLE}</style>\n",
        _run(diagnosis),
        *map(_finding, account.causes(diagnosis)),
        *(
            f"<p><b>{label}:</b> {_text(words)}</p>\n"
            for label, words in account.remarks(diagnosis)
        ),
        _figures(figures_of(diagnosis)),
        _observations(account.observations(diagnosis)),
        _blocks(report) if report is not None else "",
        _allowed(account.allowed(diagnosis)),
        _particulars(wording.particulars(report)) if report is not None else "",
    ]


def _run(diagnosis: Diagnosis) -> str:
    ranking, why = account.ranking(diagnosis), account.why_inconclusive(diagnosis)
    lines = [(diagnosis.message_meaning, ""), (account.run_in_words(diagnosis), "quiet")]
    if diagnosis.location is not None:
        lines.append((str(diagnosis.location), "mono"))
    lines += [(why, ""), (account.summary(diagnosis), ""), (ranking and f"{ranking}:", "")]
    told = "".join(
        f'<p class="{kind}">{_text(words)}</p>\n' if kind else f"<p>{_text(words)}</p>\n"
        for words, kind in lines
        if words
    )
    verdict = _chip(diagnosis.verdict, diagnosis.verdict)
    return f"<header>{verdict}<h1>{_text(account.heading(diagnosis))}</h1></header>\n{told}"


def _figures(figures: Sequence[Figure]) -> str:
    """Return the large picture, the small ones side by side, and in words what has one value."""
    large = [_figure(f, 720, 280) for f in figures if f.legend and not f.flat]
    small = [_figure(f, 470, 170) for f in figures if not f.legend and not f.flat]
    flat = [f"<p>{_text('; '.join(f.words))}</p>\n" for f in figures if f.flat]
    pair = f'<div class="pair">\n{"".join(small)}</div>\n' if small else ""
    return f"{''.join(large)}{pair}{''.join(flat)}"


def _figure(figure: Figure, width: int, height: int) -> str:
    words = "".join(f'<p class="quiet">{_text(line)}</p>\n' for line in figure.words)
    drawn = svg_inline(figure, width=width, height=height)
    return f"<div>\n<h2>{_text(figure.title)}</h2>\n{drawn}{words}</div>\n"


def _observations(findings: Sequence[Finding]) -> str:
    if not findings:
        return ""
    return f"<h2>Also seen</h2>\n{''.join(map(_finding, findings))}"
