"""The real, unmodified wfastcgi, fed the records that IIS sends, with the web.config that we generate."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.fastcgi_process import Wfastcgi, wfastcgi
from wauth_core.iis import webconfig
from wauth_core.iis.options import WebConfigOptions
from wauth_core.testing import EmbeddedDirectory

APPS = "tests.e2e.fastcgi_apps"
ALICE = rb"EXAMPLE\alice"


@contextmanager
def site(
    folder: Path, application: str, log: bool = False, environment: dict[str, str] | None = None
) -> Iterator[Wfastcgi]:
    """A site folder with our web.config, under wfastcgi."""
    options = WebConfigOptions(
        root=str(folder),
        application=f"{APPS}:{application}",
        python=sys.executable,
        handler="fastcgi",
        wfastcgi="/unused/wfastcgi.py",
        logs=str(folder / "logs" / "wfastcgi.log") if log else "",
        environment=tuple((environment or {}).items()),
    )
    generated = webconfig.build(options)
    # wfastcgi opens "Web.config", which on Windows is the same file
    (folder / "Web.config").write_bytes(generated.files[0].content)
    for made in generated.folders:
        Path(made).mkdir()
    with wfastcgi(folder) as server:
        yield server


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wfastcgi]:
    """A site whose path has a space, an apostrophe, an ampersand and a letter outside ASCII; with a log."""
    folder = tmp_path_factory.mktemp("site") / "Zoë's shop & co"
    folder.mkdir()
    with site(folder, "plain", log=True) as server:
        assert seen(server)["PATH_INFO"] == "/"
        yield server
    assert "initialized" in (folder / "logs" / "wfastcgi.log").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def wrapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wfastcgi]:
    with site(tmp_path_factory.mktemp("wrapped"), "wrapped") as server:
        yield server


def seen(server: Wfastcgi, url: str = "/", user: bytes = b"", **more: bytes) -> dict[str, Any]:
    answer = server.get(url, user, **more)
    assert answer.status == 200, answer
    return json.loads(answer.body)


def test_the_user_arrives(plain: Wfastcgi) -> None:
    """REMOTE_USER, LOGON_USER and AUTH_TYPE reach the application as IIS sent them."""
    environ = seen(plain, "/reports/?year=2026", ALICE)
    assert environ["REMOTE_USER"] == environ["LOGON_USER"] == r"EXAMPLE\alice"
    assert environ["AUTH_TYPE"] == "Negotiate"
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("", "/reports/")
    assert environ["QUERY_STRING"] == "year=2026"


def test_an_anonymous_request(plain: Wfastcgi) -> None:
    """IIS sends the variables of an anonymous request empty, not left out."""
    environ = seen(plain)
    assert environ["REMOTE_USER"] == environ["AUTH_TYPE"] == ""


def test_requests_do_not_leak_into_one_another(plain: Wfastcgi) -> None:
    """The process serves one request after another, and each has its own user."""
    users = [seen(plain, user=user)["REMOTE_USER"] for user in (ALICE, b"", rb"EXAMPLE\bob", b"")]
    assert users == [r"EXAMPLE\alice", "", r"EXAMPLE\bob", ""]


@pytest.mark.parametrize(
    ("sent", "arrives"),
    [
        ("EXAMPLE\\Zoë".encode(), "EXAMPLE\\ZoÃ«"),
        ("EXAMPLE\\Zoë".encode("cp1252"), "EXAMPLE\\Zoë"),
        ("EXAMPLE\\Ольга".encode(), "EXAMPLE\\Ð\x9eÐ»Ñ\x8cÐ³Ð°"),
    ],
)
def test_letters_outside_ascii(plain: Wfastcgi, sent: bytes, arrives: str) -> None:
    """wfastcgi decodes all bytes as latin-1, whatever they mean: none is lost, none is understood."""
    assert seen(plain, user=sent)["REMOTE_USER"] == arrives


def test_bodies(plain: Wfastcgi) -> None:
    """A body longer than one record arrives whole."""
    assert (
        json.loads(plain.get(body=b"x" * 100_000, REQUEST_METHOD=b"POST", CONTENT_LENGTH=b"100000").body)["length"]
        == 100_000
    )


def test_an_error_of_the_application(plain: Wfastcgi) -> None:
    """The traceback goes to the error stream, which stderrMode ReturnGeneric500 hides; the process lives on."""
    answer = plain.get("/fails")
    assert answer.ended
    assert b"the application fails" in answer.stderr
    assert b"the application fails" not in answer.stdout
    assert seen(plain, user=ALICE)["REMOTE_USER"] == r"EXAMPLE\alice"


def test_https(plain: Wfastcgi) -> None:
    """The scheme is IIS's word."""
    assert seen(plain, HTTPS=b"on")["wsgi.url_scheme"] == "https"
    assert seen(plain)["wsgi.url_scheme"] == "http"


def test_a_client_can_choose_the_path(plain: Wfastcgi) -> None:
    """wfastcgi believes a client's X-Original-URL: this is why the generated web.config refuses that header."""
    assert seen(plain, "/open/", HTTP_X_ORIGINAL_URL=b"/closed/")["PATH_INFO"] == "/closed/"


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        pytest.param(ALICE, "EXAMPLE\\alice", id="plain"),
        pytest.param("EXAMPLE\\Zoë".encode(), "EXAMPLE\\zoë", id="UTF-8, by FastCGIUtf8ServerVariables"),
        pytest.param("EXAMPLE\\Ольга".encode(), "EXAMPLE\\ольга", id="Cyrillic in UTF-8"),
    ],
)
def test_a_wrapped_application_knows_the_user(wrapped: Wfastcgi, user: bytes, expected: str) -> None:
    """The wrapper finds the person behind the bytes."""
    assert seen(wrapped, user=user) == {"identity": expected, "outcome": "SignedIn"}


@pytest.mark.parametrize(
    ("user", "outcome"),
    [
        pytest.param(b"", "Anonymous", id="anonymous"),
        pytest.param(rb"EXAMPLE\Zo?", "Rejected", id="a letter was lost: different people look the same"),
        pytest.param(rb"EXAMPLE\Zo" + "\ufffd".encode(), "Rejected", id="a letter was replaced"),
        pytest.param("EXAMPLE\\Zoë".encode("cp1252"), "Rejected", id="ANSI code page, which was not announced"),
        pytest.param(b"EXAMPLE\\a\x00b", "Rejected", id="control character"),
        pytest.param(rb"EXAMPLE\*", "Rejected", id="a character that no account has"),
    ],
)
def test_a_wrapped_application_is_not_fooled(wrapped: Wfastcgi, user: bytes, outcome: str) -> None:
    """Nobody is signed in from bytes that do not name exactly one person."""
    assert seen(wrapped, user=user) == {"identity": None, "outcome": outcome}


def test_an_announced_code_page(tmp_path: Path) -> None:
    """Where the operator names the ANSI code page, its letters are understood."""
    with site(tmp_path, "wrapped_ansi") as server:
        assert seen(server, user="EXAMPLE\\Zoë".encode("cp1252"))["identity"] == "EXAMPLE\\zoë"
        assert seen(server, user="EXAMPLE\\Zoë".encode())["identity"] == "EXAMPLE\\zoë"


@pytest.mark.parametrize("application", ["django_application()", "flask_application()"])
def test_frameworks(tmp_path: Path, application: str) -> None:
    """A wrapped Django and a wrapped Flask site answer, know the user, and find a view with a letter outside ASCII."""
    with site(tmp_path, application) as server:
        assert seen(server, user="EXAMPLE\\Zoë".encode()) == {"identity": "EXAMPLE\\zoë", "path": "/"}
        assert seen(server) == {"identity": None, "path": "/"}
        assert seen(server, "/straße/", ALICE)["path"] == "/straße/"


@pytest.fixture(scope="module")
def directory(shared_directory: EmbeddedDirectory) -> EmbeddedDirectory:
    """The example company; no test changes it."""
    return shared_directory


def test_the_manuals_site(tmp_path: Path, directory: EmbeddedDirectory) -> None:
    """The manual's quick start on wfastcgi: at the first request people have the rights and data of the directory."""
    environment = {"E2E_LDAP": json.dumps(directory.settings()), "E2E_DATABASE": str(tmp_path / "site.sqlite3")}
    with site(tmp_path, "manual_site()", environment=environment) as server:
        alice = {"user": "alice", "superuser": False, "email": "alice@example.local"}
        assert seen(server, user=ALICE) == alice
        assert seen(server, user=rb"EXAMPLE\bob")["superuser"] is True
        assert seen(server) == {"user": "", "superuser": False, "email": ""}
        assert seen(server, user=rb"EXAMPLE\nobody")["user"] == ""
        assert seen(server, user=ALICE) == alice


def test_a_flask_site(tmp_path: Path, directory: EmbeddedDirectory) -> None:
    """A Flask application with the extension, on wfastcgi."""
    with site(tmp_path, "flask_site()", environment={"E2E_LDAP": json.dumps(directory.settings())}) as server:
        assert seen(server, user=ALICE)["user"] == "alice"
        assert seen(server, user=b"")["user"] == ""


def test_a_missing_log_folder(tmp_path: Path) -> None:
    """What the generator saves people from: wfastcgi writes its log before it answers, and then answers nothing."""
    with wfastcgi(tmp_path, {"WSGI_LOG": str(tmp_path / "missing" / "a.log")}) as server:
        try:
            answered = server.get().ended
        except ConnectionError:
            answered = False
        assert not answered


def test_a_folder_outside_latin1(tmp_path: Path) -> None:
    """wfastcgi cannot find such a site, which is why the generator refuses it for FastCGI."""
    folder = tmp_path / "Сайт"
    folder.mkdir()
    with wfastcgi(folder) as server:
        assert server.get(APPL_PHYSICAL_PATH=str(folder).encode()).status == 500
