"""Kerberos without a controller: who signs in where, names, and what a TLS connection is bound by."""

from __future__ import annotations

import builtins
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from wauth_core.directory import kerberos
from wauth_core.exceptions import BindError, ConfigurationError, SigningRequired
from wauth_core.settings import LDAPSettings

BASE = {"SERVER": "dc1.example.local", "SEARCH_BASE": "DC=example,DC=local", "AUTHENTICATION": "KERBEROS"}


@pytest.mark.parametrize(
    ("username", "principal"),
    [
        ("svc_web", "svc_web"),
        ("EXAMPLE\\svc_web", "svc_web"),
        ("svc_web@example.local", "svc_web@EXAMPLE.LOCAL"),
        ("WEB01$", "WEB01$"),
    ],
)
def test_principals(username: str, principal: str) -> None:
    """The setting's spellings of an account, as Kerberos writes them."""
    assert kerberos.principal(username) == principal


@pytest.mark.parametrize("given", [{"USERNAME": "svc_web"}, {"CLIENT_KEYTAB": "web.keytab"}])
def test_windows_knows_one_account(monkeypatch: pytest.MonkeyPatch, given: dict[str, str]) -> None:
    """On Windows the process's account signs in; settings that would mean nothing are refused."""
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(ConfigurationError, match="the account that this process runs as"):
        kerberos.context_for(LDAPSettings(**{**BASE, **given}), "dc1.example.local", None)


@pytest.mark.parametrize(("platform", "module"), [("win32", "spnego"), ("linux", "gssapi")])
def test_a_missing_library(monkeypatch: pytest.MonkeyPatch, platform: str, module: str) -> None:
    """The error names the extra that brings what is missing on that system."""
    imported = builtins.__import__

    def without(name: str, *more: Any, **named: Any) -> Any:
        if name.partition(".")[0] == module:
            raise ImportError(f"No module named {name!r}")
        return imported(name, *more, **named)

    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(BindError, match=rf"{module}.*windowsauth\[kerberos\]"):
        kerberos.context_for(LDAPSettings(**BASE), "dc1.example.local", None)


def test_the_cache_of_each_key_is_its_own() -> None:
    """Two keytabs, and two accounts of one, never share tickets; one account always finds its own."""
    caches = [kerberos.memory_cache(*key) for key in (("a", ""), ("b", ""), ("a", "ken"), ("a", ""))]
    assert len(set(caches)) == 3
    assert caches[0] == caches[3]


def test_a_changed_keytab_has_a_new_cache(tmp_path: Path) -> None:
    """The tickets of the key before are not used any longer."""
    keytab = tmp_path / "web.keytab"
    keytab.write_bytes(b"one")
    before = kerberos.memory_cache(str(keytab), "")
    assert before == kerberos.memory_cache(str(keytab), "")
    os.utime(keytab, ns=(0, 1))
    assert kerberos.memory_cache(str(keytab), "") != before


class Spoken:
    """A context whose server offers *layers*, and a connection that plays it."""

    complete = True
    endpoint = "ldap://dc1"

    def __init__(self, layers: bytes) -> None:
        self.layers = layers
        self.sent: list[bytes] = []

    def step(self, token: bytes | None) -> bytes | None:
        return b"first"

    def unwrap(self, message: bytes) -> bytes:
        return self.layers

    def wrap(self, message: bytes) -> bytes:
        return b"wrapped:" + message


@pytest.mark.parametrize(
    ("layers", "accepted"),
    [(b"\x01\x00\x00\x00", True), (b"\x07\x00\xff\xff", True), (b"\x06\x00\xff\xff", False), (b"", False)],
    ids=["none only", "all", "signing only", "nonsense"],
)
def test_security_layers(monkeypatch: pytest.MonkeyPatch, layers: bytes, accepted: bool) -> None:
    """No layer is chosen where the server lets us; where it wants one the error says to use TLS (RFC 4752 3.1)."""
    spoken = Spoken(layers)

    def send(connection: Any, controls: Any, payload: bytes) -> dict[str, Any]:
        spoken.sent.append(payload)
        return {"result": 14 if len(spoken.sent) == 1 else 0, "saslCreds": b"challenge"}

    monkeypatch.setattr(kerberos, "send_sasl_negotiation", send)
    if not accepted:
        with pytest.raises(SigningRequired, match="LDAPS"):
            kerberos.bind(spoken, None, spoken)
        return
    assert kerberos.bind(spoken, None, spoken)["result"] == 0
    assert spoken.sent == [b"first", b"wrapped:\x01\x00\x00\x00"]


def test_a_refusal_ends_the_conversation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's no is the answer, and nothing is unwrapped."""
    refused = {"result": 49, "saslCreds": None, "message": "80090346"}
    monkeypatch.setattr(kerberos, "send_sasl_negotiation", lambda *_: refused)
    assert kerberos.bind(Spoken(b""), None, Spoken(b"")) is refused
