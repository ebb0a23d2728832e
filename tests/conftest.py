"""The same surroundings for every test: threads, colours, settings, hypothesis."""

import os

from hypothesis import settings

# set before numpy is imported: with `-n 2` the workers would fight for the cores otherwise
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

for _name in list(os.environ):
    if _name.startswith("GRADAUDIT_") or _name in {"NO_COLOR", "FORCE_COLOR", "COLUMNS"}:
        del os.environ[_name]

# the same examples in every run, on machines of any speed
settings.register_profile("gradaudit", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("gradaudit")
