"""The exit codes, and what each of them means."""

from __future__ import annotations

from typing import Final

INTERRUPTED: Final = 130
COULD_NOT_CHECK: Final = 2
EXIT_CODES: Final = {"PASS": 0, "FAIL": 1, "INCONCLUSIVE": 3}
