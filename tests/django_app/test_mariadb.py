"""The tests of this folder that write users and links, once more on MariaDB."""

from __future__ import annotations

from tests.databases import mariadb  # noqa: F401
from tests.django_app import once_more

FILES = ("test_signin.py", "test_joined.py", "test_models.py", "test_visit.py", "test_upn_suffixes.py")


def test_the_same_on_mariadb(mariadb):  # noqa: F811
    """Its collation takes `weiß` for `weis`, and its isolation is another one."""
    once_more.run(*(once_more.HERE / name for name in FILES), WAUTH_TEST_MARIADB=str(mariadb.socket))
