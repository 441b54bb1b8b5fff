"""The documentation as a site: ``sphinx-build -W docs build/site``. It loads nothing from other hosts."""

from __future__ import annotations

import os
import sys
import tomllib
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

HERE = Path(__file__).parent
os.environ["NO_COLOR"] = "1"  # argparse colours its help, Sphinx would print the codes
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

_PROJECT = tomllib.loads((HERE.parent / "pyproject.toml").read_text("utf-8"))["project"]

project = _PROJECT["name"]
release = version = _PROJECT["version"]
author = copyright = _PROJECT["authors"][0]["name"]
html_title = f"{project} {release}"

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.graphviz", "from_code", "outside"]
exclude_patterns = ["_ext", "_static"]
suppress_warnings = ["myst.header"]  # a table's section may begin at level three
default_role = "code"

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "fieldlist"]
myst_heading_anchors = 3

autodoc_default_options = {"members": True, "member-order": "bysource", "undoc-members": False}
autodoc_typehints_format = "short"

linkcheck_ignore = [
    r"http://(127\.0\.0\.1|10\.)",
    r"https?://[\w.]*\.example\.",
    _PROJECT["urls"]["Source"],
]  # not there yet

graphviz_output_format = "svg"

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "source_repository": _PROJECT["urls"]["Source"],
    "source_branch": "main",
    "source_directory": "docs/",
}


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.add_lexer("haproxy", TextLexer)  # Pygments does not know it
