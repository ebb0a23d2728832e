"""Which test is running, and which audits it has made: what the plugin and the fixture share."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any, Final

import pytest

# the fixture lives as long as the session: it asks here which test it is used in
RUNNING: Final[ContextVar[pytest.Item | None]] = ContextVar("RUNNING", default=None)

_AUDITS: Final = pytest.StashKey[list[dict[str, Any]]]()


def audits_of(item: pytest.Item) -> list[dict[str, Any]]:
    """Return the audits of a test, as plain data; what is added to the list is kept."""
    return item.stash.setdefault(_AUDITS, [])
