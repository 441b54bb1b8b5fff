"""The contract with HttpPlatformHandler: its rules as tables, and whole processes below a stand-in for the module."""

from __future__ import annotations

import asyncio
import http.client
import json
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.core.iis import sample_apps
from tests.core.iis.platform_module import CLIENT, Answer, HttpPlatformHandler
from tests.core.iis.samples import HTTPPLATFORM
from wauth_core.exceptions import ConfigurationError
from wauth_core.iis import behind, platformhandler, servers
from wauth_core.iis.platformhandler import Contract
from wauth_core.iis.serve import remove_old_logs
from wauth_core.iis.webconfig import build

HERE = "tests.core.iis.sample_apps"
ROOT = Path(__file__).parents[3]
SERVERS = [("wsgi", "waitress"), ("asgi", "uvicorn")]
SECRET = "0f8fad5b-d9cb-469f-a165-70867728950e"
SHOP = Contract(5001, "/Shop", SECRET)


# Rules


@pytest.mark.parametrize(
    ("environment", "contract"),
    [
        pytest.param({}, None, id="no IIS"),
        pytest.param({"HTTP_PLATFORM_PORT": "5001"}, Contract(5001), id="1.2"),
        pytest.param(
            {"HTTP_PLATFORM_PORT": "5001", "HTTP_PLATFORM_APPL_PATH": "/", "HTTP_PLATFORM_TOKEN": SECRET},
            Contract(5001, "", SECRET),
            id="2.x, site",
        ),
        pytest.param(
            {"HTTP_PLATFORM_PORT": "5001", "HTTP_PLATFORM_APPL_PATH": "/a/b", "HTTP_PLATFORM_TOKEN": SECRET},
            Contract(5001, "/a/b", SECRET),
            id="2.x, application",
        ),
    ],
)
def test_contract(environment: dict[str, str], contract: Contract | None) -> None:
    """What each version of the module puts into the environment."""
    assert Contract.read(environment) == contract


@pytest.mark.parametrize("text", ["", "0", "65536", "-1", "%HTTP_PLATFORM_PORT%", "５００１", "５００１x"])
def test_port_refused(text: str) -> None:
    """An unexpanded variable or any other nonsense is said, not guessed."""
    with pytest.raises(ConfigurationError, match="HTTP_PLATFORM_PORT"):
        Contract.read({"HTTP_PLATFORM_PORT": text})


@pytest.mark.parametrize(
    ("path", "rest"),
    [
        ("/Shop", ""),
        ("/Shop/", "/"),
        ("/Shop/a/b", "/a/b"),
        ("/SHOP/a", "/a"),
        ("/Shopping/a", None),
        ("/a/Shop", None),
        ("/", None),
        ("", None),
    ],
)
def test_below(path: str, rest: str | None) -> None:
    """The mount point is a whole part of the path, in any case of letters."""
    assert SHOP.below(path) == rest


STOP = {"method": "POST", "path": "/Shop/iisintegration", "event": "shutdown", "secret": SECRET, "peer": "127.0.0.1"}


@pytest.mark.parametrize(
    ("changed", "stops"),
    [
        pytest.param({}, True, id="IIS"),
        pytest.param({"event": "shutdown "}, True, id="as IIS spells it"),
        pytest.param({"method": "GET"}, False, id="a link"),
        pytest.param({"path": "/iisintegration"}, False, id="of another application"),
        pytest.param({"path": "/Shop/other"}, False, id="a page"),
        pytest.param({"event": ""}, False, id="no event"),
        pytest.param({"event": "shutdown,shutdown"}, False, id="sent twice"),
        pytest.param({"secret": ""}, False, id="no secret"),
        pytest.param({"secret": SECRET[:-1]}, False, id="a part of the secret"),
        pytest.param({"secret": f"{SECRET},{SECRET}"}, False, id="two secrets"),
        pytest.param({"secret": "é"}, False, id="letters outside ASCII"),
        pytest.param({"peer": "10.0.0.5"}, False, id="from the network"),
        pytest.param({"peer": ""}, False, id="from nowhere"),
    ],
)
def test_who_may_stop_it(changed: dict[str, str], stops: bool) -> None:
    """Only the IIS that started the process ends it."""
    assert SHOP.asks_to_stop(**{**STOP, **changed}) is stops
    assert not Contract(5001, "/Shop").asks_to_stop(**{**STOP, "secret": "", **changed})


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("10.1.2.3:50123", "10.1.2.3"),
        ("10.1.2.3", "10.1.2.3"),
        ("[2001:db8::1]:50123", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("[fe80::1%4]:80", "fe80::1%4"),
        ("", None),
        ("unknown", None),
        ("shop.example.com:80", None),
        ("10.1.2.3:1:2", None),
        ("[10.1.2.3", "10.1.2.3"),
        ("<script>", None),
    ],
)
def test_address(forwarded: str, address: str | None) -> None:
    """IIS writes a port after the address, and IPv6 in brackets; what is no address is none."""
    assert platformhandler.address(forwarded) == address


@pytest.mark.parametrize(
    ("proto", "scheme", "kept"),
    [
        pytest.param("https", "https", "https", id="from IIS"),
        pytest.param("http, https", "https", "https", id="appended to the client's"),
        pytest.param("https,http", "http", "http", id="the client lied"),
        pytest.param("HTTPS", "https", "https", id="upper case"),
        pytest.param("ftp", "http", "ftp", id="nonsense changes nothing"),
        pytest.param(None, "http", None, id="none"),
    ],
)
def test_scheme(proto: str | None, scheme: str, kept: str | None) -> None:
    """The last value, which IIS wrote, is the visitor's scheme; what the client wrote is dropped."""
    environ: dict[str, Any] = {"wsgi.url_scheme": "http", "REMOTE_ADDR": "127.0.0.1", "PATH_INFO": "/"}
    scope: dict[str, Any] = {"type": "http", "path": "/", "scheme": "http", "client": ("127.0.0.1", 1), "headers": []}
    if proto is not None:
        environ["HTTP_X_FORWARDED_PROTO"] = proto
        scope["headers"].append((b"x-forwarded-proto", proto.encode()))
    contract = Contract(5001)
    front = behind.behind_wsgi(sample_apps.wsgi, contract, pytest.fail)
    body = b"".join(front(environ, lambda status, headers: None))
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(behind.behind_asgi(sample_apps.asgi, contract, pytest.fail)(scope, None, send))  # type: ignore[arg-type]
    for answer in (json.loads(body), json.loads(sent[1]["body"])):
        assert (answer["scheme"], answer["proto"], answer["peer"]) == (scheme, kept, "127.0.0.1")


def test_two_forwarded_headers_and_a_websocket() -> None:
    """Under ASGI a header sent twice stays two: the last of them counts, and a websocket has its own scheme."""
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    headers = [(b"x-forwarded-proto", b"http"), (b"host", b"a"), (b"x-forwarded-proto", b"https")]
    scope = {"type": "websocket", "path": "/SHOP/live", "scheme": "ws", "headers": headers}
    asyncio.run(behind.behind_asgi(application, SHOP, pytest.fail)(scope, None, None))  # type: ignore[arg-type]
    assert seen[0]["scheme"] == "wss"
    assert (seen[0]["root_path"], seen[0]["path"]) == ("/Shop", "/Shop/live")
    assert seen[0]["headers"] == [(b"host", b"a"), (b"x-forwarded-proto", b"https")]
    assert scope["scheme"] == "ws"


def test_lifespan_passes_unchanged() -> None:
    """Only requests are touched."""
    seen: list[Any] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    scope = {"type": "lifespan"}
    wrapped = behind.behind_asgi(behind.visitor_asgi(application), SHOP, pytest.fail)
    asyncio.run(wrapped(scope, None, None))  # type: ignore[arg-type]
    assert seen == [scope]


def test_old_logs_go(tmp_path: Path) -> None:
    """The newest logs of this name stay, and everything else in the folder."""
    names = [f"python_202611{day:02d}030000_{4000 - day}.log" for day in range(1, 8)]
    others = ["python.log", "python_notes.log", "other_20261101030000_1.log", "python_20261101030000_1.log.bak"]
    for name in (*names, *others):
        (tmp_path / name).touch()
    remove_old_logs(str(tmp_path / "python"), keep=3)
    assert {path.name for path in tmp_path.iterdir()} == {*names[-3:], *others}
    remove_old_logs(str(tmp_path / "missing" / "python"))


# Processes


def generated(folder: Path, application: str, server: str, interface: str, **options: Any) -> Path:
    """A web.config for this Python, as the generator writes it."""
    wanted = replace(
        HTTPPLATFORM,
        root=str(folder),
        python=sys.executable,
        application=f"{HERE}:{application}",
        server=server,
        interface=interface,
        environment=(("PYTHONPATH", f"{ROOT}{';' if sys.platform == 'win32' else ':'}%PYTHONPATH%"),),
        **options,
    )
    path = folder / "web.config"
    path.write_bytes(build(wanted).files[0].content)
    return path


def seen(answer: Answer) -> dict[str, Any]:
    assert answer.status == 200, answer.body
    found: dict[str, Any] = json.loads(answer.body)
    return found


@pytest.mark.parametrize(("interface", "server"), SERVERS)
def test_a_site(tmp_path: Path, interface: str, server: str) -> None:
    """A process from its start to a clean end: IIS's word only, no secret for the application, the log's name."""
    config = generated(tmp_path, interface, server, interface, logs=str(tmp_path / "logs" / "python.log"))
    lies = [("X-Forwarded-For", "1.1.1.1"), ("X-Forwarded-Proto", "https"), ("MS-ASPNETCORE-EVENT", "shutdown")]
    with HttpPlatformHandler(config) as iis:
        answer = seen(iis.request("GET", "/a%20b", lies, scheme="http"))
        assert (answer["scheme"], answer["proto"], answer["peer"]) == ("http", "http", CLIENT[0])
        assert (answer["root"], answer["path"], answer["internal"]) == ("", "/a b", [])
        assert seen(iis.request("GET", "/", client=("2001:db8::1", 5)))["peer"] == "2001:db8::1"
        # A visitor's own request to that address is the application's
        assert iis.request("POST", "/iisintegration", lies).status == 200
        assert iis.stop() == "asked"
        assert iis.process.returncode == 0
    assert iis.log_file is not None
    assert iis.log_file.parent == tmp_path / "logs"
    assert iis.log_file.name.startswith("python_20")


@pytest.mark.parametrize(("interface", "server"), SERVERS)
def test_requests_at_work_are_finished(tmp_path: Path, interface: str, server: str) -> None:
    """What is being worked on when IIS ends the process is answered to the last byte."""
    config = generated(tmp_path, interface, server, interface)
    with HttpPlatformHandler(config, environment={"SAMPLE_GATE": str(tmp_path)}) as iis:
        answers: list[Answer] = []
        visitor = threading.Thread(target=lambda: answers.append(iis.request("GET", "/work")))
        visitor.start()
        appears(tmp_path / "begun")
        ended: list[str] = []
        ending = threading.Thread(target=lambda: ended.append(iis.stop()))
        ending.start()
        takes_no_new_ones(iis)
        assert answers == []
        (tmp_path / "open").touch()
        visitor.join(30)
        ending.join(30)
        assert [len(answer.body) for answer in answers] == [sample_apps.ANSWER_SIZE]
        assert ended == ["asked"]


@pytest.mark.skipif(sys.platform == "win32", reason="the same code waits here; eight seconds more would show nothing")
@pytest.mark.parametrize(("interface", "server"), SERVERS)
def test_a_request_that_never_ends(tmp_path: Path, interface: str, server: str) -> None:
    """The process does not wait for it until IIS kills it: it ends by itself, in less than IIS's ten seconds."""
    assert servers.DRAIN_SECONDS < platformhandler.STOP_SECONDS - 1
    config = generated(tmp_path, interface, server, interface)
    with HttpPlatformHandler(config, environment={"SAMPLE_GATE": str(tmp_path)}) as iis:
        visitor = threading.Thread(target=ignoring_errors(lambda: iis.request("GET", "/work")))
        visitor.start()
        appears(tmp_path / "begun")
        assert iis.stop() == "asked"
        visitor.join(30)


@pytest.mark.parametrize(("interface", "server"), SERVERS)
def test_a_signal_ends_it(tmp_path: Path, interface: str, server: str) -> None:
    """Version 1.2 and whoever starts it by hand: Ctrl-Break (SIGTERM elsewhere) ends the process like the request."""
    config = generated(tmp_path, interface, server, interface)
    with HttpPlatformHandler(config) as iis:
        assert seen(iis.request("GET", "/signal"))["path"] == "/signal"
        assert iis.process.wait(20) == 0


@pytest.mark.skipif(sys.platform == "win32", reason="Wine sends no Ctrl-Break to another process's console")
def test_a_signal_from_iis_ends_it(tmp_path: Path) -> None:
    """Where the module's request is not taken, its signal is."""
    config = generated(tmp_path, "wsgi", "waitress", "wsgi")
    with HttpPlatformHandler(config) as iis:
        iis.secret = "another IIS's"
        assert iis.stop() == "signalled"
        assert iis.process.returncode == 0


@pytest.mark.parametrize(
    ("application", "interface", "server"),
    [("django()", "wsgi", "waitress"), ("flask()", "wsgi", "waitress"), ("starlette()", "asgi", "uvicorn")],
)
def test_below_another_site(tmp_path: Path, application: str, interface: str, server: str) -> None:
    """An application at /Shop makes links, static URLs and redirects below it, whatever the visitor's letters."""
    with HttpPlatformHandler(generated(tmp_path, application, server, interface), path="/Shop") as iis:
        for path in ("/Shop", "/SHOP"):
            answer = seen(iis.request("GET", f"{path}/page/?q=1", [("Host", "www.example.com")]))
            expected = {"page": "/Shop/page/", "static": "/Shop/static/site.css", "secure": True}
            assert answer == {**expected, "url": "https://www.example.com/Shop/page/?q=1"}
            moved = iis.request("GET", f"{path}/elsewhere/", [("Host", "www.example.com")])
            assert (moved.status, moved.headers["Location"]) == (302, "/Shop/page/")
        assert iis.stop() == "asked"


def test_several_processes(tmp_path: Path) -> None:
    """Each process of an application has a port and a secret of its own, and ends alone."""
    config = generated(tmp_path, "wsgi", "waitress", "wsgi", processes=2)
    with HttpPlatformHandler(config) as one, HttpPlatformHandler(config) as other:
        assert one.port != other.port
        one.secret, own = other.secret, one.secret
        assert one._send_stop() == 200  # the other's secret: a page like any other
        one.secret = own
        assert one.stop() == "asked"
        assert seen(other.request("GET", "/"))["path"] == "/"


def test_an_application_that_cannot_start(tmp_path: Path) -> None:
    """The process ends at once and says why, and its port never opened: IIS answers 502.5 and does not wait."""
    config = generated(tmp_path, "missing", "waitress", "wsgi")
    iis = HttpPlatformHandler(config)
    with pytest.raises(ChildProcessError, match="has no 'missing'"):
        iis.start()


def appears(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def takes_no_new_ones(iis: HttpPlatformHandler) -> None:
    deadline = time.monotonic() + 5
    with suppress(OSError, http.client.HTTPException):
        while True:
            iis.request("GET", "/")
            assert time.monotonic() < deadline
            time.sleep(0.02)


def ignoring_errors(call: Callable[[], object]) -> Callable[[], None]:
    """The connection of a request that is cut off ends in one of several errors."""

    def called() -> None:
        with suppress(OSError, http.client.HTTPException):
            call()

    return called
