"""docs/iis/quickstart-flask.md: its two applications run, as `wauth serve` would run them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from wauth_core import Wauth
from wauth_core.identity import NameRules
from wauth_core.iis.serve import interface_of, load_application
from wauth_core.settings import LDAPSettings
from wauth_core.web import Request, SignedIn, TransportFacts
from wauth_wsgi import WindowsAuthASGI

PAGE = Path(__file__).parents[2] / "docs" / "iis" / "quickstart-flask.md"
FILES = dict(re.findall(r"^<!-- file: ([^\n]+) -->\n```python\n(.*?)^```", PAGE.read_text("utf-8"), re.S | re.M))
SID, GROUP = "S-1-5-21-1-2-3-1105", "S-1-5-21-1-2-3-512"


class Token:
    """As `IISToken` reads it: a name, and the groups of the token."""

    name = "Token"

    def identify(self, request: Request, rules: NameRules) -> SignedIn:
        return SignedIn(rules.parse("EXAMPLE\\ada"), self.name, TransportFacts(SID, frozenset({GROUP})))


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """The application of a file that is printed there, as `wauth serve shop:app` loads it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "shop", raising=False)

    def load(name: str) -> Any:
        (tmp_path / "shop.py").write_text(FILES[name], "utf-8")
        return load_application("shop:app")

    yield load
    sys.modules.pop("shop", None)


def test_every_file_is_run() -> None:
    """No other block of Python stands there."""
    assert {*FILES} == {"shop.py (Flask)", "shop.py (FastAPI)"}
    assert PAGE.read_text("utf-8").count("```python") == len(FILES)


def test_flask(load: Any, directory: Any, windowsauth_sign_in: Any) -> None:
    """Its settings are settings; whoever IIS names is welcome, and a stranger is asked to sign in."""
    app = load("shop.py (Flask)")
    LDAPSettings(**app.config["WAUTH_DOMAINS"]["EXAMPLE"])
    app.config["WAUTH_DOMAINS"]["EXAMPLE"] = directory.settings()  # which has no Kerberos
    assert interface_of(app) == "wsgi"
    client = app.test_client()
    assert client.get("/").status_code == 401
    windowsauth_sign_in(client, "EXAMPLE\\ada")
    assert client.get("/").text == "Welcome, EXAMPLE\\ada"
    app.extensions["wauth"].close()


def test_fastapi(load: Any, directory: Any) -> None:
    """It reads the key of the wrapper that `wauth serve` puts around it; groups come from the directory."""
    client = pytest.importorskip("starlette.testclient")
    app = load("shop.py (FastAPI)")
    assert interface_of(app) == "asgi"
    with Wauth({"EXAMPLE": directory.settings()}) as wauth:  # which has no Kerberos
        sys.modules["shop"].wauth = wauth  # type: ignore[attr-defined]
        answer = client.TestClient(WindowsAuthASGI(app, sources=[Token()])).get("/")
    assert answer.json() == {"name": "EXAMPLE\\ada", "editor": True}
