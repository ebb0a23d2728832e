"""``python -m gradaudit``: the same as the command ``gradaudit``."""

import sys

from gradaudit.cli import main

if __name__ == "__main__":
    sys.exit(main())
