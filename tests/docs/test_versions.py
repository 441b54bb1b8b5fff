"""The versions that pyproject.toml promises, and what else speaks of them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def promised(prefix: str) -> list[str]:
    """The versions in the classifiers that begin with *prefix*, oldest first."""
    found = re.findall(rf"^{prefix} :: (\d+\.\d+)$", "\n".join(PROJECT["project"]["classifiers"]), re.MULTILINE)
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")])


def test_the_lowest_python_is_the_same_everywhere():
    """requires-python and ruff's target are the oldest classifier."""
    oldest = promised("Programming Language :: Python")[0]
    assert PROJECT["project"]["requires-python"] == f">={oldest}"
    assert PROJECT["tool"]["ruff"]["target-version"] == "py" + oldest.replace(".", "")


def test_the_documentation_names_the_same_versions():
    """README, CONTRIBUTING and the page on moving over."""
    pythons, djangos = promised("Programming Language :: Python"), promised("Framework :: Django")
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"Python {pythons[0]} to {pythons[-1]}, Django {djangos[0]} to {djangos[-1]}" in readme
    assert f"Python {pythons[0]} or later" in (ROOT / "docs" / "CONTRIBUTING.md").read_text("utf-8")
    moving = (ROOT / "docs" / "howto" / "django-migrating.md").read_text("utf-8")
    assert f"Django {djangos[0]} or later, Python {pythons[0]} or later" in moving


def test_ldap3s_prerelease_is_kept_out():
    """ldap3 2.10 release candidates do not decode escapes in filters, so that nobody would be found."""
    assert "ldap3>=2.9.1,<2.10" in PROJECT["project"]["dependencies"]


def test_the_readme_gives_the_figures_of_the_comparison():
    """Binds and searches, as the page's table has them."""
    readme = (ROOT / "README.md").read_text("utf-8")
    page = (ROOT / "docs" / "explanation" / "comparison.md").read_text("utf-8")
    counted = {row[0]: row[1:] for row in re.findall(r"^\| ([\w-]+) \| (yes|no) \| (\d+) \| (\d+) \|", page, re.M)}
    gist = " ".join(readme.partition("**Compared**")[2].partition("\n\n")[0].split())
    assert len(counted) == 4
    for package, (finds, binds, searches) in counted.items():
        said = (
            f"{binds} bind and {searches} searches from us"
            if package == "windowsauth"
            else f"{binds} and {searches} from {package}"
        )
        assert (said if finds == "yes" else f"{package} does not find the group") in gist
