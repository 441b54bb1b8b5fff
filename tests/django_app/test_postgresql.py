"""All tests of this folder once more, on PostgreSQL."""

from __future__ import annotations

from tests.databases import postgres  # noqa: F401
from tests.django_app import once_more

ELSEWHERE = (
    "test_postgresql.py",
    "test_mariadb.py",
    "test_remote_user.py",
    "test_docs.py",
    "test_checks.py",
    "test_panel.py",
)


def test_the_same_on_postgresql(postgres):  # noqa: F811
    """What passes on SQLite passes on PostgreSQL; files that need no database, or one of their own, are left out."""
    left_out = [f"--ignore={once_more.HERE / name}" for name in ELSEWHERE]
    once_more.run(*left_out, once_more.HERE, WAUTH_TEST_POSTGRESQL=f"{postgres.folder}:{postgres.user}")
