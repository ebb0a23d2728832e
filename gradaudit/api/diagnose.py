"""Why did the optimizer stop?"""

from __future__ import annotations

from typing import Any

from gradaudit.optimizers.call import Call
from gradaudit.optimizers.recorder import Recording
from gradaudit.results import Diagnosis


def diagnose_call(
    call: Call,
    recording: Recording,
    *,
    budget: int,
    seconds: float | None = None,
    rng: Any = None,
    full: bool = True,
) -> Diagnosis:
    """Diagnose a run that was recorded."""
    raise NotImplementedError
