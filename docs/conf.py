"""Sphinx configuration; nothing is fetched while building."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_extensions"), str(HERE.parent)]

import gradaudit  # noqa: E402

project = "gradaudit"
author = "the gradaudit authors"
copyright = "2026, the gradaudit authors"
release = gradaudit.__version__

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.mathjax",
    "sphinx.ext.napoleon",
    "from_the_program",
]
exclude_patterns = ["_extensions"]

myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

# the docstrings state types and shapes themselves
autodoc_typehints = "none"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_ivar = True
napoleon_use_rtype = False

html_theme = "furo"
html_title = f"gradaudit {release}"
