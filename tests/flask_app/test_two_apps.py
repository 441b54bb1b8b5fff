"""Several applications in one process, many threads, and a fork: nothing is shared that should not be."""

from __future__ import annotations

import os
import threading

import pytest
from flask import Flask
from sqlalchemy import event

from tests.flask_app import applications
from wauth_core.testing import EmbeddedDirectory
from wauth_flask import WindowsAuth

PEOPLE = ["alice", "bob", "carol", "ada", "grace", "linus", "dora", "hana"]


@pytest.fixture
def other_directory():
    """A second domain in which other people are administrators, under the same names."""
    with EmbeddedDirectory() as directory:
        directory.remove_member("Domain Admins", "bob")
        directory.add_member("Domain Admins", "alice")
        yield directory


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
def test_many_threads_ask_two_applications_and_each_gets_its_own_answer(
    directory, other_directory, closing, tmp_path, request, store
):
    """Same names, two domains, different rights: no wrong answer, no error, one row for each person."""
    if store == "postgresql":
        server = request.getfixturevalue("postgres")
        url = server.sqlalchemy_url(server.create())
    else:
        url = f"sqlite:///{tmp_path}/users.sqlite3"
    engine = {"SQLALCHEMY_ENGINE_OPTIONS": {"pool_size": 20, "max_overflow": 50}}
    first = closing(applications.with_database(directory, url, WAUTH_RESYNC_DELTA=0, **engine))
    if store == "sqlite":
        with first.app_context():  # the disk's pace is not what is tested here
            event.listen(first.db.engine, "connect", lambda raw, _: raw.execute("PRAGMA synchronous = OFF"))
            first.db.engine.dispose()
    second = closing(applications.with_cache(other_directory, WAUTH_RESYNC_DELTA=0))
    admin = {id(first): "bob", id(second): "alice"}
    wrong: list[object] = []
    count = 32 if os.name == "posix" else 8  # under Wine, locks of files and sockets take longer than a deadline
    start = threading.Barrier(count)

    def visit(number: int) -> None:
        start.wait(30)
        for turn in range(6):
            app, name = (first, second)[turn % 2], PEOPLE[(number + turn) % len(PEOPLE)]
            answer = app.test_client().get("/", environ_base={"REMOTE_USER": f"EXAMPLE\\{name}"})
            expected = (f"EXAMPLE\\{name}", name == admin[id(app)])
            if answer.status_code != 200 or (answer.json["identity"], answer.json["superuser"]) != expected:
                wrong.append((app is first, name, answer.status_code, answer.text))

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert wrong == []
    with first.app_context():
        names = [user.username for user in first.db.session.query(first.User)]
        assert sorted(names) == sorted(PEOPLE)


def test_one_extension_serves_several_applications(directory, closing):
    """init_app keeps nothing in the extension: each application has its own settings and connections."""
    auth = WindowsAuth()
    apps = []
    for name in ("one", "two"):
        app = Flask(name, root_path="/nowhere")
        app.config.update(applications.config(directory, WAUTH_USERNAME_FORMAT=f"{name}-{{username}}"))
        auth.init_app(app)
        apps.append(closing(applications.bare(app)))
    one, two = (app.extensions["wauth"] for app in apps)
    assert one.wauth is not two.wauth
    for app in apps:
        with app.test_request_context("/", environ_base=applications.ALICE):
            from wauth_flask import windows_user

            assert windows_user.record.fields["username"] == f"{app.name}-alice"


def test_settings_are_read_when_they_are_needed(directory, closing):
    """What is set after init_app, before the first request, counts."""
    app = Flask(__name__)
    WindowsAuth(app)
    app.config.update(applications.config(directory))
    client = closing(applications.bare(app)).test_client()
    assert client.get("/member", environ_base=applications.ALICE).text == "EXAMPLE\\alice"


def test_an_application_without_domains_knows_names(closing):
    """Without WAUTH_DOMAINS nothing can be asked: everybody is refused, and nothing breaks."""
    app = closing(applications.with_cache(None))
    assert app.test_client().get("/", environ_base=applications.ALICE).json["identity"] is None
    assert app.test_client().get("/member", environ_base=applications.ALICE).status_code == 403


def test_an_unknown_setting_is_told_of(directory, closing):
    """A misspelt WAUTH_ setting is a warning with the right name."""
    from wauth_core.settings import ConfigurationWarning

    app = closing(applications.with_cache(directory, WAUTH_RESYNC_DELTTA=5))
    with pytest.warns(ConfigurationWarning, match="Did you mean 'WAUTH_RESYNC_DELTA'"):
        app.test_client().get("/")


def test_a_setting_that_means_nothing_here_is_told_of(directory, closing):
    """A setting of Django's alone is a warning."""
    from wauth_core.settings import ConfigurationWarning

    app = closing(applications.with_cache(directory, WAUTH_USE_CACHE=True))
    with pytest.warns(ConfigurationWarning, match="WAUTH_USE_CACHE means nothing in Flask"):
        app.test_client().get("/")


def test_outside_of_init_app_the_error_says_what_to_do():
    """Using windows_user in an application without the extension names the missing line."""
    from wauth_core import ConfigurationError
    from wauth_flask import windows_user

    with Flask(__name__).test_request_context("/"), pytest.raises(ConfigurationError, match="call WindowsAuth"):
        str(windows_user)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_worker_makes_its_own_connections(make):
    """A preloading server forks after the first sync; parent and child then both get right answers."""
    app = make(WAUTH_RESYNC_DELTA=0)
    bob = {"REMOTE_USER": "EXAMPLE\\bob"}
    assert app.test_client().get("/", environ_base=bob).json["superuser"] is True
    child = os.fork()
    if child == 0:
        good = False
        try:
            good = app.test_client().get("/", environ_base=bob).json["superuser"] is True
        finally:
            os._exit(0 if good else 1)
    assert app.test_client().get("/", environ_base=bob).json["superuser"] is True
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
