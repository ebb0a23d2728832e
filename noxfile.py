"""The chores of gradaudit: `nox` runs the quick ones, `nox -s NAME` a single one."""

import re
import shutil
import tomllib
import zipfile
from pathlib import Path

import nox

nox.options.sessions = ["lint", "types", "tests", "docs", "package"]
nox.options.error_on_missing_interpreters = False

ROOT = Path(__file__).parent
BENCHMARKS = ("coverage", "detection", "peers", "scaling", "shapes", "startup")


@nox.session(python=["3.11", "3.12", "3.13"])
def tests(session: nox.Session) -> None:
    """Run the tests; arguments behind `--` go to pytest."""
    session.install("-e", ".[dev]")
    session.run("python", "-m", "pytest", "-n", "2", *session.posargs)


@nox.session(python="3.11")
def lowest(session: nox.Session) -> None:
    """Run the tests with exactly the lowest dependency versions that are claimed."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    pins = [re.sub(">=", "==", bound) for bound in project["dependencies"]]
    # documentation examples print as the newest numpy does
    session.install("-e", ".", "pytest", "pytest-xdist", "scikit-learn", "statsmodels", *pins)
    session.run("python", "-m", "pytest", "-n", "2", *(session.posargs or ["tests"]))


@nox.session
def lint(session: nox.Session) -> None:
    """Check format, style and spelling, and the direction of imports."""
    session.install("-e", ".[dev]")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")
    session.run("codespell")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Check types, strictly in the package and the reference models."""
    session.install("-e", ".[dev]")
    session.run("pyright")


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    session.install("-e", ".[dev]")
    session.run(
        "python", "-m", "sphinx", "-W", "--keep-going", "-q", "-b", "html", "docs", "build/docs"
    )


@nox.session
def benchmarks(session: nox.Session) -> None:
    """Run the benchmarks, or those named behind `--`."""
    session.install("-e", ".[dev,bench]")
    for name in session.posargs or BENCHMARKS:
        session.run("python", f"benchmarks/{name}.py")


@nox.session
def package(session: nox.Session) -> None:
    """Build the wheel, look into it, and run the tests against it away from the checkout."""
    place = Path(session.create_tmp())
    shutil.rmtree(place)
    place.mkdir()
    session.run("python", "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(place), ".")
    (wheel,) = place.glob("gradaudit-*.whl")
    require_only_gradaudit(session, wheel)
    session.install(str(wheel), "pytest", "pytest-xdist", "scikit-learn", "statsmodels")

    for name in ("tests", "reference_models"):
        shutil.copytree(ROOT / name, place / name)
    shutil.copy(ROOT / "pyproject.toml", place)
    session.chdir(place)
    session.run("gradaudit", "--version")
    session.run("python", "-m", "pytest", "-n", "2", *(session.posargs or ["tests"]))


def require_only_gradaudit(session: nox.Session, wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    strangers = [name for name in names if not re.match(r"gradaudit(-[\d.]+\.dist-info)?/", name)]
    if strangers or "gradaudit/py.typed" not in names:
        session.error(f"{wheel.name} holds {strangers or 'no py.typed'}")
