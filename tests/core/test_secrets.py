"""Secrets that are fetched when they are needed."""

from __future__ import annotations

import builtins
import sys
import types
from pathlib import Path
from typing import Any

import pytest

from wauth_core import ConfigurationError, LDAPSettings, secrets

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
    assert settings.PASSWORD == CANARY
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
