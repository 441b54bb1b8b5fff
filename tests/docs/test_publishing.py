"""What GitHub and PyPI read: workflows and forms by GitHub's published schemas, and the README as PyPI shows it."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.docs.test_versions import promised

ROOT = Path(__file__).parents[2]
GITHUB = ROOT / ".github"
SCHEMAS = [
    ("github-workflows", "workflows/ci.yml"),
    ("github-workflows", "workflows/release.yml"),
    ("github-issue-forms", "ISSUE_TEMPLATE/bug.yml"),
    ("github-issue-forms", "ISSUE_TEMPLATE/idea.yml"),
    ("github-issue-config", "ISSUE_TEMPLATE/config.yml"),
    ("dependabot", "dependabot.yml"),
]


@pytest.mark.parametrize(("schema", "path"), SCHEMAS)
def test_github_accepts(schema, path):
    """By the schema that check-jsonschema brings along."""
    pytest.importorskip("check_jsonschema", reason='pip install ".[dev]"')
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", f"vendor.{schema}", str(GITHUB / path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_file_that_github_reads_is_checked():
    """A new workflow or form is in the table above."""
    assert {path for _, path in SCHEMAS} == {path.relative_to(GITHUB).as_posix() for path in GITHUB.rglob("*.yml")}


def test_the_workflow_runs_the_promised_versions():
    """Each Python of the classifiers on Linux; on Windows the oldest and the newest that has all wheels."""
    jobs = yaml.safe_load((GITHUB / "workflows" / "ci.yml").read_text("utf-8"))["jobs"]
    pythons = promised("Programming Language :: Python")
    assert jobs["linux"]["strategy"]["matrix"]["python"] == pythons
    assert pythons[0] in jobs["windows"]["strategy"]["matrix"]["python"]
    assert {jobs[name]["runs-on"] for name in ("windows", "iis")} == {"windows-latest"}


def test_the_workflows_call_what_there_is():
    """Sessions of nox, and scripts."""
    text = "".join(path.read_text("utf-8") for path in (GITHUB / "workflows").glob("*.yml"))
    sessions = set(re.findall(r"^def (\w+)\(session", (ROOT / "noxfile.py").read_text("utf-8"), re.M))
    assert set(re.findall(r"nox .*?-s (\w+)", text)) <= sessions
    scripts = re.findall(r"run: (\.\S+)", text)
    assert scripts
    assert all((ROOT / script).is_file() for script in scripts)


def test_publishing_needs_no_secret_and_is_attested():
    """Trusted publishing: the job may get a token of its own, and nothing else; the wheel is the one that was tried."""
    jobs = yaml.safe_load((GITHUB / "workflows" / "release.yml").read_text("utf-8"))["jobs"]
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert set(jobs["publish"]["needs"]) == {"build", "windows"}
    assert "secrets." not in (GITHUB / "workflows" / "release.yml").read_text("utf-8")
    assert sum("nox -s release" in str(step.get("run")) for job in jobs.values() for step in job["steps"]) == 1


def test_the_readme_as_pypi_shows_it(tmp_path):
    """Every link and picture is absolute, and leads to the repository of the project's URLs."""
    pytest.importorskip("hatch_fancy_pypi_readme", reason='pip install ".[test]"')
    code = (
        "from hatchling.metadata.core import ProjectMetadata; from hatchling.plugin.manager import PluginManager;"
        "print(ProjectMetadata('.', PluginManager()).core.readme)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    shown = re.sub(r"^```.*?^```", "", done.stdout, flags=re.S | re.M)
    source = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["urls"]["Source"]
    links = re.findall(r"\]\(([^)]+)\)", shown)
    assert len(links) > 10
    assert [link for link in links if not link.startswith("https://")] == []
    ours = [link.removeprefix(f"{source}/blob/main/") for link in links if link.startswith(f"{source}/blob/")]
    pictures = re.findall(r"!\[.*?\]\(https://raw\.githubusercontent\.com/windowsauth/windowsauth/main/(.+?)\)", shown)
    assert ours
    assert [path for path in ours + pictures if not (ROOT / path.partition("#")[0]).exists()] == []


def test_pre_commit_runs_what_contributing_says():
    """The same checks, by the same commands."""
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text("utf-8"))
    programs = {shlex.split(hook["entry"])[0] for repo in config["repos"] for hook in repo["hooks"]}
    said = (ROOT / "docs" / "CONTRIBUTING.md").read_text("utf-8")
    assert programs == {"ruff", "mypy", "lint-imports"}
    assert all(re.search(rf"^{program}\b", said, re.M) for program in programs)
    assert "pre-commit install" in said
