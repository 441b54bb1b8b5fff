"""Moving over from django-windowsauth 1.4.0, and the migrations themselves."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="module")
def moved(tmp_path_factory):
    """What became of a database that django-windowsauth 1.4.0 itself had made (see upgrade/)."""
    path = tmp_path_factory.mktemp("upgrade") / "legacy.sqlite3"
    connection = sqlite3.connect(path)
    connection.executescript((HERE / "upgrade" / "legacy.sql").read_text(encoding="utf-8"))
    connection.close()
    environment = {**os.environ, "WAUTH_TEST_SQLITE": str(path), "DJANGO_SETTINGS_MODULE": "tests.django_app.settings"}
    environment.pop("WAUTH_TEST_POSTGRESQL", None)
    ran = subprocess.run(
        [sys.executable, "-m", "tests.django_app.upgrade.site"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def test_only_what_is_new_is_migrated(moved):
    """The two first migrations, and the metrics' first, count as run."""
    assert moved["migrations"] == [
        "0002_wider_counters",
        "0003_directory_identity",
        "0004_unique_links",
        "0005_knowledge_in_time",
    ]


def test_links_get_names_and_twins_by_case_are_told_apart(moved):
    """Each row takes the user's name; of carol and Carol the lower-case one goes on signing in."""
    assert moved["rows"] == [
        ["EXAMPLE", "alice", "alice", "alice"],
        ["EXAMPLE", "bob", "bob", "bob"],
        ["EXAMPLE", "hana", "hana", "hana"],
        ["EXAMPLE", "carol", "carol", "carol"],
        ["EXAMPLE", "Carol", None, "Carol"],
        ["OLDDOMAIN", "gone", "gone", "gone"],
    ]


def test_each_link_gets_a_random_number_of_sessions(moved):
    """One number for all would let a session fit another person's link that comes to stand in its place."""
    assert len(set(moved["sessions"])) == len(moved["sessions"]) == 12


def test_odd_rows_stop_nothing(moved):
    """Twins by case, names that are none, nobody's, a domain in lower case: no error; each is told of or put right."""
    assert "0 failed" in moved["synced"]
    assert "EXAMPLE\\User00002" in moved["synced"]
    assert "but for case its name is that of EXAMPLE\\user00002" in moved["synced"]
    assert moved["odd"] == {
        "User00002": [None, False, True],
        "user00002": ["user00002", False, True],
        "alice@example.local": [None, False, True],
        "dave ": [None, False, True],
        "no such person": ["no such person", False, True],
        "petra": ["petra", True, True],
    }


def test_people_go_on_signing_in_to_their_accounts(moved):
    """The same users, with their groups, and with the rights of today; a newcomer gets an account."""
    before, now = moved["before"], moved["signed_in"]
    for name in ("alice", "bob", "hana", "carol"):
        assert now["ALICE" if name == "alice" else name]["pk"] == before[name]
    assert now["bob"]["superuser"] is True
    assert now["hana"]["groups"] == ["Editors"]
    assert now["olaf"]["user"] == "olaf"
    assert moved["usage"] == 1


def test_the_models_have_no_change_without_a_migration(test_database):
    """makemigrations finds nothing to do."""
    from django.core.management import call_command

    call_command("makemigrations", "windows_auth", "ldap_metrics", check=True, dry_run=True, verbosity=0)


def test_the_first_migrations_keep_their_names():
    """A site that moves over has these in its django_migrations table."""
    from django.db.migrations.loader import MigrationLoader

    known = set(MigrationLoader(None).disk_migrations)
    assert {
        ("windows_auth", "0001_initial"),
        ("windows_auth", "0002_auto_20201205_2300"),
        ("ldap_metrics", "0001_initial"),
    } <= known
