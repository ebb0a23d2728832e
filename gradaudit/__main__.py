"""``python -m gradaudit``, and the command ``gradaudit``: the version at once, else `cli.main`."""

import sys

import gradaudit


def run() -> int:
    """Run the command line with the words of the process; return its exit code."""
    if sys.argv[1:] == ["--version"] and sys.stdout is not None:
        # the command line takes three times as long as the interpreter's own start
        try:
            sys.stdout.write(f"gradaudit {gradaudit.__version__}\n")
            sys.stdout.flush()
        except (OSError, ValueError):
            pass  # a full disk or a closed pipe: the command line knows what to say
        else:
            return 0
    from gradaudit.cli import main  # heavy, see above

    return main()


if __name__ == "__main__":
    sys.exit(run())
