"""Django's own tests: those of RemoteUserMiddleware with our middleware and backend in its place (see remote_user/),
and all of django.contrib.auth with our application installed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import django
import pytest

from tests.ad.cache import cache_folder

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="an embeddable Python builds no source distribution")

ROOT = Path(__file__).parents[2]
WANTED = ("auth_tests", "mail", "templates", "runtests.py", "test_sqlite.py", "urls.py")

RUN = {
    "RemoteUserTest",
    "RemoteUserNoCreateTest",
    "AllowAllUsersRemoteUserBackendTest",
    "CustomHeaderRemoteUserTest",
    "ASGISyncPathRemoteUserTest",
    "CustomHeaderASGISyncPathRemoteUserTest",
}
DIFFERENT = {
    "RemoteUserCustomTest": "clean_username() and configure_user() of a plain RemoteUserBackend: our middleware hands "
    "on an identity, not a text, and to our backend only; a subclass of ours has configure_user() too",
    "PersistentRemoteUserTest": "a session that goes on without the sign-in that opened it: ours never does",
    "CustomProcessRequestMiddlewareTest": "process_request() of subclasses of Django's middleware (gone in 6.1)",
    "RemoteUserImproperlyConfigured": "the text of Django's own error; ours has its own",
    "TestCase": "the base class",
}


@pytest.fixture(scope="module")
def their_tests(tmp_path_factory):
    """``auth_tests`` and the test runner of the installed Django's source distribution, by pip."""
    folder = tmp_path_factory.mktemp("django")
    cache = cache_folder()
    kept = cache / f"django-{django.get_version()}-tests" if cache else None
    if kept is not None and kept.is_dir():
        shutil.copytree(kept, folder / "tests")
        return folder / "tests"
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--no-binary",
        ":all:",
        "--dest",
        folder,
    ]
    got = subprocess.run(
        [*map(str, command), f"Django=={django.get_version()}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    if got.returncode:
        reason = f"Django's source distribution cannot be downloaded: {got.stderr.strip()[-200:]}"
        if os.environ.get("WAUTH_REQUIRE_AD") == "1":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)
    [archive] = folder.glob("*.tar.gz")
    with tarfile.open(archive) as source:
        for member in source:
            path = Path(member.name)
            if member.isfile() and path.parts[1] == "tests" and path.parts[2] in WANTED:
                target = folder.joinpath(*path.parts[1:])
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.extractfile(member).read())
    if kept is not None:
        shutil.copytree(folder / "tests", kept, dirs_exist_ok=True)
    return folder / "tests"


@pytest.fixture(scope="module")
def outcome(their_tests):
    """How they ended."""
    ran = subprocess.run(
        [sys.executable, "-m", "tests.django_app.remote_user.run", str(their_tests)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_djangos_own_tests_pass_with_our_parts(outcome):
    """Every test of the classes that are about what ours does, sync and async."""
    failed = {name: text for name, text in outcome["ended"].items() if text != "ok"}
    assert failed == {}
    assert len(outcome["ended"]) >= 60


def test_what_is_left_out_is_known_and_explained(outcome):
    """A class that Django adds is either run or explained."""
    assert set(outcome["classes"]) - RUN - DIFFERENT.keys() == set()


def test_djangos_own_tests_pass_with_our_application_installed(their_tests):
    """All of django.contrib.auth's: swapped and custom user models, UUID keys, commands, backends, the admin."""
    runner = their_tests / "runtests.py"
    installed = "ALWAYS_INSTALLED_APPS = [\n"
    text = runner.read_text(encoding="utf-8")
    assert installed in text
    runner.write_text(text.replace(installed, installed + '    "wauth_django",\n', 1), encoding="utf-8")
    ran = subprocess.run(
        [sys.executable, "runtests.py", "auth_tests", "--parallel", "1"],
        cwd=their_tests,
        env={**os.environ, "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "test_sqlite"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    assert int(re.search(r"Ran (\d+) tests", ran.stderr)[1]) > 700
