"""The matrix: every version that pyproject.toml's classifiers promise, and what else is run by a command.

``nox --list`` shows the sessions. An interpreter that this machine does not have is left out, and said so;
pyenv's interpreters are found where pyenv keeps them.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)
DJANGOS = [
    match[1]
    for classifier in PROJECT["project"]["classifiers"]
    if (match := re.fullmatch(r"Framework :: Django :: (\d+\.\d+)", classifier))
]
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
QUICK = [  # each framework, and the README as printed; not the runs that repeat all of it on another database
    *("tests/wsgi", "tests/docs/test_readme.py", "tests/django_app"),
    *("--ignore=tests/django_app/test_postgresql.py", "--ignore=tests/django_app/test_mariadb.py"),
]

nox.needs_version = ">=2025.5"
nox.options.sessions = ["tests"]
nox.options.error_on_missing_interpreters = False

_HOMES = [str(home) for python in PYTHONS for home in Path.home().glob(f".pyenv/versions/{python}.*/bin")]
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), *_HOMES, os.environ["PATH"]])


def _runs(python: str, django: str) -> bool:
    """Django 6 needs Python 3.12; Django 5.2 ends at Python 3.14."""
    minor = int(python.split(".")[1])
    return minor <= 14 if django == "5.2" else minor >= 12


@nox.session
@nox.parametrize(
    ("python", "django"), [(python, django) for python in PYTHONS for django in DJANGOS if _runs(python, django)]
)
def tests(session: nox.Session, django: str) -> None:
    """The whole suite, on one version of Python and one of Django."""
    session.install(".[test]", f"Django~={django}.0")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(python=PYTHONS)
def quick(session: nox.Session) -> None:
    """A part of the suite that takes half a minute, on each Python and the newest of everything else."""
    session.install(".[test]")
    session.run("python", "-m", "pytest", "-q", "-m", "not ad and not wine", *(session.posargs or QUICK))


@nox.session(python=[python for python in PYTHONS if python != HERE])
def others(session: nox.Session) -> None:
    """The same on each Python but the one that runs nox, on which CI has run everything."""
    quick(session)


@nox.session(python=PYTHONS[0])
def lowest(session: nox.Session) -> None:
    """The lowest version of everything that pyproject.toml declares."""
    session.install("uv")
    session.run("uv", "pip", "install", "--quiet", "--resolution=lowest-direct", ".[test]")
    session.run("python", "-m", "pytest", "-m", "not ad and not wine", *session.posargs)


@nox.session(python=PYTHONS[0])
def prerelease(session: nox.Session) -> None:
    """ldap3's pre-release against our cap: fails as long as ldap3 does not decode escapes in filters."""
    session.install(".[test]")
    session.install("--pre", "--upgrade", "ldap3")
    session.run("python", "-m", "pytest", *(session.posargs or ["tests/core/directory", "tests/contract"]))


@nox.session
def links(session: nox.Session) -> None:
    """Every link of the documentation to another host, asked. No part of CI: other hosts have bad days."""
    session.install(".[docs]")
    session.run("sphinx-build", "-q", "-b", "linkcheck", "docs", "build/links")


@nox.session
def release(session: nox.Session) -> None:
    """What would be published: built once, checked, tried in a bare environment, with a list of its parts.

    With a tag as argument (``nox -s release -- v1.0.0``) the version and the changelog must agree with it.
    """
    version = PROJECT["project"]["version"]
    for tag in session.posargs:
        if tag != f"v{version}" or f"\n## [{version}] - " not in (ROOT / "CHANGELOG.md").read_text("utf-8"):
            session.error(f"The tag {tag}, the version {version} and the sections of CHANGELOG.md do not agree.")
    session.install("build", "cyclonedx-bom", "twine", "virtualenv")
    dist, build = ROOT / "dist", ROOT / "build"
    shutil.rmtree(dist, ignore_errors=True)
    build.mkdir(exist_ok=True)
    session.run("python", "-m", "build", "--outdir", str(dist))
    [wheel], [source] = dist.glob("*.whl"), dist.glob("*.tar.gz")
    session.run("twine", "check", "--strict", str(wheel), str(source))
    bare = Path(session.create_tmp()).resolve() / "bare"
    session.run("virtualenv", "--clear", "--quiet", str(bare))
    programs = bare / ("Scripts" if os.name == "nt" else "bin")
    session.run(str(programs / "python"), "-m", "pip", "install", "--quiet", f"{wheel}[demo]", external=True)
    with session.chdir(bare):  # not here, where the wheel's packages would be found beside it
        session.run(str(programs / "wauth"), "demo", "--check", external=True)
    parts = ["cyclonedx-py", "environment", "--pyproject", "pyproject.toml", "-o", str(build / "sbom.json")]
    session.run(*parts, str(programs / "python"))
