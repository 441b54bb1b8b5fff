"""Secrets that are fetched when they are needed."""

from __future__ import annotations

import builtins
import sys
import traceback
import types
from pathlib import Path
from typing import Any

import pytest

from wauth_core import ConfigurationError, LDAPSettings, Wauth, secrets

CANARY = "canary-3f9c"


def test_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is read at each use; a missing one is named."""
    secret = secrets.env("WAUTH_TEST_SECRET")
    monkeypatch.setenv("WAUTH_TEST_SECRET", CANARY)
    assert secret("EXAMPLE") == CANARY
    monkeypatch.delenv("WAUTH_TEST_SECRET")
    with pytest.raises(ConfigurationError, match="WAUTH_TEST_SECRET"):
        secret("EXAMPLE")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"pass", "pass", id="as it is"),
        pytest.param(b"pass\n", "pass", id="less one line end"),
        pytest.param(b"pass\r\n", "pass", id="less a Windows line end"),
        pytest.param(b"pass \n\n", "pass \n", id="only one line end, and no blank"),
        pytest.param("pä\ufb01".encode(), "pä\ufb01", id="letters stay as they are"),
    ],
)
def test_from_a_file(tmp_path: Path, content: bytes, expected: str) -> None:
    """The file's text, less one line end."""
    path = tmp_path / "secret"
    path.write_bytes(content)
    assert secrets.file(path)("EXAMPLE") == expected


@pytest.mark.parametrize("content", [None, b"\xff\xfe\x00"], ids=["missing", "not text"])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    """The error names the file and shows nothing of what is in it."""
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="secret file") as caught:
        secrets.file(path)("EXAMPLE")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def keyring(monkeypatch: pytest.MonkeyPatch, answer: Any) -> None:
    module = types.ModuleType("keyring")
    module.get_password = answer  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)


def test_from_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keyring library is asked for the service and the name."""
    keyring(monkeypatch, lambda service, name: CANARY if (service, name) == ("wauth", "bind") else None)
    assert secrets.keyring("wauth", "bind")("EXAMPLE") == CANARY
    with pytest.raises(ConfigurationError, match="other"):
        secrets.keyring("wauth", "other")("EXAMPLE")


def test_a_keyring_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A locked or missing keyring is a configuration error, not an exception of that library."""

    def fails(service: str, name: str) -> str:
        raise RuntimeError("no backend")

    keyring(monkeypatch, fails)
    with pytest.raises(ConfigurationError):
        secrets.keyring("wauth", "bind")("EXAMPLE")


def test_without_the_keyring_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    real = builtins.__import__

    def no_keyring(name: str, *args: Any, **kwargs: Any) -> Any:
        if name == "keyring":
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.delitem(sys.modules, "keyring", raising=False)
    monkeypatch.setattr(builtins, "__import__", no_keyring)
    with pytest.raises(ConfigurationError, match=r"windowsauth\[secrets\]"):
        secrets.keyring("wauth", "bind")("EXAMPLE")


def test_as_a_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret fits any setting, is fetched at use, and its value shows in no repr."""
    monkeypatch.setenv("WAUTH_TEST_SECRET", CANARY)
    settings = LDAPSettings(
        SERVER=secrets.env("WAUTH_TEST_SECRET"), SEARCH_BASE="DC=x", PASSWORD=secrets.env("WAUTH_TEST_SECRET")
    ).for_domain("EXAMPLE")
    assert settings.password() == settings.SERVER == CANARY
    assert CANARY not in repr(settings)


TOML: list[Any] = [
    pytest.param({"env": "NAME"}, secrets.env("NAME"), id="env"),
    pytest.param({"file": "/run/x"}, secrets.file("/run/x"), id="file"),
    pytest.param({"keyring": ["a", "b"]}, secrets.keyring("a", "b"), id="keyring"),
    pytest.param("plain", "plain", id="text"),
    pytest.param({"env": 7}, {"env": 7}, id="env with a number"),
    pytest.param({"keyring": ["a"]}, {"keyring": ["a"]}, id="keyring with one text"),
    pytest.param({"env": "a", "file": "b"}, {"env": "a", "file": "b"}, id="two at once"),
    pytest.param({"vault": "a"}, {"vault": "a"}, id="an unknown kind"),
]


@pytest.mark.parametrize(("value", "expected"), TOML)
def test_spelled_in_toml(value: Any, expected: Any) -> None:
    """A table with one known key is a secret; anything else stays what it is."""
    assert secrets.from_toml(value) == expected


PLAIN = {"SERVER": "dc1", "SEARCH_BASE": "DC=example", "PASSWORD": CANARY, "CONNECTION_OPTIONS": {"password": CANARY}}


class Own(LDAPSettings):
    """A default of our own, which is a field of its own."""

    PASSWORD = CANARY


# id: all settings of a site, something in them wrong; and what uses them
WRONG: dict[str, tuple[dict[str, Any], Any]] = {
    "option": ({"WAUTH_DOMAINS": {"EXAMPLE": PLAIN}, "WAUTH_RESYNC_DELTA": "soon"}, None),
    "value": ({"WAUTH_DOMAINS": {"EXAMPLE": {**PLAIN, "POOL_SIZE": "many"}}}, "EXAMPLE"),
    "password": ({"WAUTH_DOMAINS": {"EXAMPLE": {**PLAIN, "PASSWORD": [CANARY]}}}, "EXAMPLE"),
    "no-server": ({"WAUTH_DOMAINS": {"EXAMPLE": {**PLAIN, "SERVER": ""}}}, "EXAMPLE"),
    "default": ({"WAUTH_DOMAINS": {"__default__": {**PLAIN, "TLS_VERIFY": "no"}}}, "EXAMPLE"),
    "default-object": ({"WAUTH_DOMAINS": {"__default__": Own("dc1", SEARCH_BASE="DC=x"), "E": {"POOL_SIZE": 0}}}, "E"),
    "no-mapping": ({"WAUTH_DOMAINS": {"EXAMPLE": CANARY}}, "EXAMPLE"),
    "callable": ({"WAUTH_DOMAINS": {"EXAMPLE": lambda domain: {**PLAIN, "PAGE_SIZE": 0}}}, "EXAMPLE"),
    "other-domain": ({"WAUTH_DOMAINS": {"EXAMPLE": PLAIN}}, "OTHER"),
    "server-url": ({"WAUTH_DOMAINS": {"EXAMPLE": {**PLAIN, "SERVER": f"ldap://u:{CANARY}@dc1"}}}, "EXAMPLE"),
    "server-urls": ({"WAUTH_DOMAINS": {"EXAMPLE": {**PLAIN, "SERVER": ["dc1", f"ldap://u:{CANARY}@dc1"]}}}, "EXAMPLE"),
    "server-called": (
        {"WAUTH_DOMAINS": {"EXAMPLE": {**PLAIN, "SERVER": lambda domain: f"ldap://u:{CANARY}@dc1"}}},
        "EXAMPLE",
    ),
    "server-object": ({"WAUTH_DOMAINS": {"EXAMPLE": {**PLAIN, "SERVER": {"url": CANARY}}}}, "EXAMPLE"),
    "ldap3": (
        {"WAUTH_DOMAINS": {"EXAMPLE": {**PLAIN, "CONNECTION_OPTIONS": {"passwrod": CANARY}}}},
        "EXAMPLE",
    ),
    "strategy": (
        {"WAUTH_DOMAINS": {"EXAMPLE": {**PLAIN, "CONNECTION_OPTIONS": {"client_strategy": "ASYNC", "p": CANARY}}}},
        "EXAMPLE",
    ),
}


def told(error: BaseException) -> str:
    """What a debug page shows of an error: every frame's local variables, but for the tests' own frames."""
    found = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(line for line in found.format() if __file__ not in line)


@pytest.mark.parametrize(("config", "domain"), WRONG.values(), ids=WRONG)
def test_a_debug_page_of_wrong_settings_shows_no_password(config: dict[str, Any], domain: str | None) -> None:
    """Whatever is wrong in the settings, neither the error nor a local variable on its way shows a secret."""
    with pytest.raises(ConfigurationError) as caught:
        Wauth.from_mapping(config).manager(domain or "EXAMPLE").connection  # noqa: B018 - it is made
    assert CANARY not in told(caught.value)
    assert "wauth_core" in told(caught.value)


def test_a_debug_page_of_a_wrong_file_shows_no_password(tmp_path: Path) -> None:
    """The same for TOML."""
    path = tmp_path / "wauth.toml"
    path.write_text(f'resync_delta = "soon"\n[domains.EXAMPLE]\nPASSWORD = "{CANARY}"\n', encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        Wauth.from_toml(path)
    assert CANARY not in told(caught.value)


@pytest.mark.parametrize("kind", [LDAPSettings, Own])
def test_settings_that_are_half_made_can_be_shown(kind: type[LDAPSettings]) -> None:
    """A debugger that stops in the middle shows what is there, and no secret."""
    half = kind.__new__(kind)
    assert repr(half) == f"{kind.__name__}()"
    object.__setattr__(half, "PASSWORD", CANARY)
    object.__setattr__(half, "SERVER", "dc1")
    assert repr(half) == f"{kind.__name__}(SERVER='dc1')"


def test_options_for_ldap3_are_not_shown() -> None:
    """SERVER_OPTIONS holds the password of a client's certificate, CONNECTION_OPTIONS the account's."""
    options = {"tls": CANARY}
    settings = LDAPSettings("dc1", SEARCH_BASE="DC=x", SERVER_OPTIONS=options, CONNECTION_OPTIONS=options)
    assert CANARY not in repr(settings)


def test_a_wauth_that_is_half_made_can_be_shown() -> None:
    """A debugger may stop before the settings are read."""
    assert repr(Wauth.__new__(Wauth)) == "<Wauth with no domain>"
