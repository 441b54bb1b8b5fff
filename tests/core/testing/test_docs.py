"""docs/howto/testing.md does what it says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from wauth_core.testing import EmbeddedDirectory
from wauth_core.testing.embedded.faults import Faults
from wauth_core.testing.embedded.people_file import _GROUP, _USER

GUIDE = (Path(__file__).parents[3] / "docs" / "howto" / "testing.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```", GUIDE, re.S | re.M)


@pytest.mark.parametrize("snippet", SNIPPETS, ids=[f"snippet {number}" for number in range(len(SNIPPETS))])
def test_a_snippet_runs(snippet):
    """Every Python snippet runs as it stands."""
    exec(compile(snippet, "docs/howto/testing.md", "exec"), {})


def test_the_people_file_is_taken(tmp_path):
    """The YAML in the guide fills a directory."""
    [text] = re.findall(r"^```yaml\n(.*?)^```", GUIDE, re.S | re.M)
    file = tmp_path / "people.yaml"
    file.write_text(text, encoding="utf-8")
    with EmbeddedDirectory(file) as directory:
        assert directory.dn("alice") == "CN=Alice Liddell,OU=IT,OU=Staff,DC=acme,DC=test"


def test_the_guide_names_every_field_and_every_fault():
    """Nothing that a file may say, and no bad day, is missing from the guide."""
    faults = {name for name in vars(Faults) if not name.startswith("_")} - {"stop", "active", "take", "wait"}
    for name in (*_USER, *_GROUP, *faults):
        assert f"`{name}" in GUIDE or f"{name}(" in GUIDE or f"faults.{name}" in GUIDE, name
