"""Every Python block of the documentation is run: here, or by the test that is named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
HERE = [
    "howto/big-directories.md",
    "howto/domains.md",
    "howto/offline.md",
    "howto/passwords.md",
    "howto/secrets.md",
    "reference/errors.md",
    "reference/logging.md",
]
ELSEWHERE = {
    "CONTRIBUTING.md": "docs/test_blocks.py",
    "howto/active-directory.md": "core/test_recipes.py",
    "howto/django.md": "django_app/test_docs.py",
    "howto/flask.md": "docs/test_flask_guide.py",
    "howto/scripting.md": "core/test_docs.py",
    "howto/sources.md": "wsgi/test_docs.py",
    "howto/testing.md": "core/testing/test_docs.py",
    "howto/wsgi.md": "wsgi/test_docs.py",
    "iis/quickstart-flask.md": "docs/test_iis_twin.py",
    "iis/secrets.md": "core/iis/test_docs.py",
    "reference/settings.md": "core/test_docs.py",
}


def blocks(page: str) -> list[str]:
    """The Python blocks of a page."""
    return re.findall(r"^ *```python\n(.*?)^ *```", (DOCS / page).read_text("utf-8"), re.S | re.M)


def test_every_page_with_python_is_run_somewhere():
    """A new page with Python is named here; a test that is named knows the page."""
    pages = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    with_python = {page for page in pages if blocks(page)}
    assert {page for page in with_python if not page.startswith("tutorials/")} == {*HERE, *ELSEWHERE}
    for page, test in ELSEWHERE.items():
        text = (ROOT / "tests" / test).read_text("utf-8")
        assert Path(page).name in text or f'"{Path(page).parent.name}"' in text, page


@pytest.mark.parametrize("page", HERE)
def test_the_blocks_run(page):
    """In order, as they are printed; what they assert holds."""
    names: dict[str, Any] = {}
    for block in blocks(page):
        exec(compile(block, page, "exec"), names)


def test_the_fixture_of_contributing_exists():
    """The example in CONTRIBUTING.md asks for a fixture and names that there are."""
    [block] = blocks("CONTRIBUTING.md")
    compile(block, "CONTRIBUTING.md", "exec")
    fixtures = (ROOT / "tests" / "ad" / "fixtures.py").read_text("utf-8")
    [fixture] = re.findall(r"\((\w+): DomainController\)", block)
    assert f"def {fixture}(" in fixtures
