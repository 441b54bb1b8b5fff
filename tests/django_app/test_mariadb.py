"""The tests of this folder that write users and links, once more on MariaDB."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.databases import mariadb  # noqa: F401

HERE = Path(__file__).parent
FILES = ("test_signin.py", "test_joined.py", "test_models.py", "test_visit.py", "test_upn_suffixes.py")


def test_the_same_on_mariadb(mariadb):  # noqa: F811
    """Its collation takes `weiß` for `weis`, and its isolation is another one."""
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-m",
            "not ad",
            "-p",
            "no:cacheprovider",
            *(HERE / name for name in FILES),
        ],
        cwd=HERE.parents[1],
        env={**os.environ, "WAUTH_TEST_MARIADB": str(mariadb.socket)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout[-6000:]
