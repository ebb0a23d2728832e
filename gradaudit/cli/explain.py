"""``gradaudit explain``: say what the code of a finding means."""

from __future__ import annotations

import argparse

from gradaudit.catalogue import RECORDS, find_record, read_page
from gradaudit.cli.errors import refuse
from gradaudit.cli.terminal import write
from gradaudit.config import nearest


def explain_code(options: argparse.Namespace) -> int:
    """Print the page of a finding."""
    record = find_record(options.code)
    if record is None:
        codes = [known.code for known in RECORDS.values()]
        close = nearest(options.code, [*RECORDS, *codes])
        advice = f"did you mean {close}?" if close else "codes run from GA101 to GA903"
        refuse(f"no finding is called {options.code!r}", advice)
    heading = f"{record.code} {record.slug} ({record.level})\n{record.summary}"
    write(f"{heading}\n\n{read_page(record)}")
    return 0
