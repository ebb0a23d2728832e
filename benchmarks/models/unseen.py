"""Models that were never used while the naming of causes was tuned."""

from __future__ import annotations

ALL = ()
