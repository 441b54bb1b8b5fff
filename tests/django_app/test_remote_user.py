"""Django's own tests of RemoteUserMiddleware, run with our middleware and backend in its place (see remote_user/)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import django
import pytest

from tests.ad.cache import cache_folder

ROOT = Path(__file__).parents[2]
WANTED = ("__init__.py", "test_remote_user.py", "urls.py")

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
    """``auth_tests`` of the installed Django's source distribution, by pip."""
    folder = tmp_path_factory.mktemp("django")
    cache = cache_folder()
    kept = cache / f"django-{django.get_version()}-auth_tests" if cache else None
    if kept is not None and kept.is_dir():
        shutil.copytree(kept, folder / "auth_tests")
        return folder
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
    (folder / "auth_tests").mkdir()
    with tarfile.open(archive) as source:
        for member in source:
            path = Path(member.name)
            if path.parts[1:3] == ("tests", "auth_tests") and len(path.parts) == 4 and path.name in WANTED:
                (folder / "auth_tests" / path.name).write_bytes(source.extractfile(member).read())
    if kept is not None:
        shutil.copytree(folder / "auth_tests", kept, dirs_exist_ok=True)
    return folder


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
