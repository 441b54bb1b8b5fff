"""``flask wauth``: the core's commands on the application's own settings and users."""

from __future__ import annotations

import json
import sys

import pytest
from cachelib import FileSystemCache
from click.testing import CliRunner
from flask import Flask
from flask.cli import FlaskGroup


@pytest.fixture
def app(make_with_database):
    """An application with a database."""
    return make_with_database()


def run(app, *arguments):
    """The command's result."""
    return app.test_cli_runner().invoke(args=["wauth", *arguments])


def test_sync_keeps_the_applications_own_users_in_step(app, directory):
    """Everybody in the directory becomes a row; a second run changes nothing; a dry run writes nothing."""
    dry = run(app, "sync", "--dry-run")
    assert dry.exit_code == 0, dry.output
    with app.app_context():
        assert app.db.session.query(app.User).count() == 0
    assert run(app, "sync").exit_code == 0
    with app.app_context():
        users = {user.username: user for user in app.db.session.query(app.User)}
        assert users["bob"].is_superuser
        assert not users["alice"].is_superuser
        assert "dan" not in users or not users["dan"].is_active
    done = run(app, "sync", "--json")
    assert json.loads(done.stdout) == []


def test_sync_of_one_person(app, directory):
    """--user brings one person in step and says what changed."""
    done = run(app, "sync", "--user", "alice", "--json")
    assert done.exit_code == 0, done.output
    assert [row["status"] for row in json.loads(done.stdout)] == ["created"]
    directory.add_member("Domain Admins", "alice")
    [row] = json.loads(run(app, "sync", "--user", "EXAMPLE\\alice", "--json").stdout)
    assert (row["status"], row["changes"]["is_superuser"]) == ("updated", True)


def test_sync_into_memory_says_that_it_is_lost(make, make_with_database, tmp_path):
    """Without a repository and without a cache of its own, a sync by command keeps nothing, and says so."""
    assert "end with this command" in run(make(), "sync").stderr
    assert "end with this command" not in run(make(WAUTH_CACHE=FileSystemCache(str(tmp_path))), "sync").stderr
    assert "end with this command" not in run(make_with_database(), "sync").stderr


def test_sync_asks_for_no_database(app):
    """The application's repository is the database: the option is gone."""
    assert "--database" not in run(app, "sync", "--help").output
    assert run(app, "sync", "--database", "x").exit_code == 2


def test_user_shows_a_person(app):
    """The same table, and the same JSON, as wauth's own."""
    done = run(app, "user", "ohara", "--json")
    assert json.loads(done.stdout)["email"] == "ohara@example.local"
    assert "Miles" in run(app, "user", "ohara").output
    missing = run(app, "user", "nobody")
    assert missing.exit_code == 1
    assert "No user 'nobody'" in missing.output


def test_doctor_finds_the_way(app):
    """Every check of the way to the directory is listed."""
    done = run(app, "doctor", "--json")
    assert done.exit_code == 0, done.output
    assert "fail" not in {row.get("outcome") for row in json.loads(done.stdout)}


def test_createwebconfig_writes_for_this_application(app, tmp_path, monkeypatch):
    """web.config runs the application that the command was run for."""
    monkeypatch.chdir(tmp_path)
    from flask.cli import ScriptInfo

    script = ScriptInfo(app_import_path="intranet:create_app", create_app=lambda: app)
    done = app.test_cli_runner().invoke(
        args=["wauth", "createwebconfig", "--python", r"C:\py\python.exe", "--handler", "httpplatform"], obj=script
    )
    assert done.exit_code == 0, done.output
    text = (tmp_path / "web.config").read_text(encoding="utf-8")
    assert "intranet:create_app" in text
    assert run(app, "createwebconfig", "--help").exit_code == 0


def test_createtask_makes_a_task_of_a_flask_command(app, tmp_path, monkeypatch):
    """The task runs `flask --app … wauth sync`, not `wauth`."""
    monkeypatch.chdir(tmp_path)
    from flask.cli import ScriptInfo

    script = ScriptInfo(app_import_path="intranet", create_app=lambda: app)
    done = app.test_cli_runner().invoke(
        args=["wauth", "createtask", "wauth sync", "--interval", "hours=1", "--output", "."], obj=script
    )
    assert done.exit_code == 0, done.output
    [path] = tmp_path.glob("*.xml")
    assert "-m flask --app intranet wauth sync" in path.read_text(encoding="utf-16")


def test_an_application_without_the_extension_is_told_so():
    """The command group of a half set up application says what is missing."""
    from wauth_flask.flask_commands import wauth

    app = Flask(__name__)
    app.cli.add_command(wauth)
    done = run(app, "doctor")
    assert done.exit_code == 1
    assert "WindowsAuth is not set up" in done.output


def test_errors_are_one_line(make):
    """A wrong setting ends the command with its text and no traceback."""
    done = run(make(WAUTH_DOMAINS={"EXAMPLE": {"SERVER": ""}}), "user", "alice")
    assert done.exit_code == 2
    assert "SERVER is required" in done.output
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("given", "expected"),
    [("shop_of_tests", "shop_of_tests:create_app()"), ("shop_of_tests:create_app", "shop_of_tests:create_app()")],
)
def test_createwebconfig_calls_a_factory(tmp_path, monkeypatch, given, expected):
    """An application that a factory makes is named so that a server calls it."""
    (tmp_path / "shop_of_tests.py").write_text(
        "from flask import Flask\nfrom wauth_flask import WindowsAuth\n\n\ndef create_app():\n"
        "    app = Flask(__name__)\n    app.config.update(SECRET_KEY='x', WAUTH_DOMAINS={})\n"
        "    WindowsAuth(app)\n    return app\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    line = ["--app", given, "wauth", "createwebconfig", "--dry-run", "--handler", "httpplatform"]
    result = CliRunner().invoke(FlaskGroup(), line)
    monkeypatch.delitem(sys.modules, "shop_of_tests")
    assert result.exit_code == 0, result.output
    assert expected in result.output
