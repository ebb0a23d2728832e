"""What the guides show of the command line is what the command line prints."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
GUIDE = CHECKOUT / "docs" / "how_to" / "optimizer_stopped.md"


def finding(text: str) -> list[str]:
    """Cut the finding out of a report: the lines around it depend on clocks and versions."""
    lines = text.splitlines()
    first = next(i for i, line in enumerate(lines) if "error[GA101]" in line)
    last = next(i for i, line in enumerate(lines) if "= see:" in line)
    return lines[first : last + 1]


def test_the_script_of_question_1_is_run_as_the_guide_shows(tmp_path: Path) -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    script = re.search(r"^```python\n(# train\.py\n.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    shown = re.search(r"^```console\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)
    assert script is not None
    assert shown is not None
    (tmp_path / "train.py").write_text(script[1], encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "gradaudit", "run", "train.py"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "COLUMNS": "80", "NO_COLOR": "1"},
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout.startswith("ABNORMAL")
    assert finding(done.stdout) == finding(shown[1])
    assert "confirmed: with its argument in the place of theta" in done.stdout
