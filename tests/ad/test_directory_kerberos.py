"""Signing in to a real controller by Kerberos: no password, a ticket or a keytab, bound to the TLS connection."""

from __future__ import annotations

import hashlib
import os
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ad.directory import managed
from tests.ad.samba import DomainController
from wauth_core.directory import LDAPManager, kerberos
from wauth_core.directory.decode import sid
from wauth_core.exceptions import BindError, SigningRequired

NO_PASSWORD = {"AUTHENTICATION": "KERBEROS", "USERNAME": "", "PASSWORD": ""}


@pytest.fixture(autouse=True)
def nobody_signed_in(samba: DomainController, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kerberos knows the realm, and the process has no ticket."""
    if os.environ.get("WAUTH_REQUIRE_AD") != "1":
        pytest.importorskip("gssapi")
    monkeypatch.setenv("KRB5_CONFIG", samba.krb5_conf)
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{tmp_path / 'no-ticket'}")
    monkeypatch.delenv("KRB5_CLIENT_KTNAME", raising=False)


@pytest.fixture(scope="module")
def machine(samba: DomainController, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The keytab of a computer's account: what an application pool, and a joined Linux machine, have."""
    name = "kiosk" + os.urandom(3).hex()
    samba.tool("computer", "create", name)
    samba.tool("user", "setpassword", f"{name}$", f"--newpassword={os.urandom(20).hex()}Aa.")
    keytab = tmp_path_factory.mktemp("kerberos") / "machine.keytab"
    samba.tool("domain", "exportkeytab", str(keytab), f"--principal={name}$")
    yield str(keytab)
    samba.tool("computer", "delete", name)


@pytest.fixture(scope="module")
def two_keys(samba: DomainController, machine: str, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A keytab with the machine's key first, and the service account's after it."""
    keytab = tmp_path_factory.mktemp("kerberos") / "two.keytab"
    shutil.copyfile(machine, keytab)
    samba.tool("domain", "exportkeytab", str(keytab), "--principal=svc_web")
    return str(keytab)


def owner(manager: LDAPManager) -> str:
    """The SID of whoever is signed in: the first of the token's."""
    connection = manager.connection
    assert connection.search("", "(objectClass=*)", "BASE", attributes=["tokenGroups"])
    return sid(connection.entries[0]["tokenGroups"].raw_values[0])


def test_the_ticket_of_the_process(samba: DomainController, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without USERNAME the ticket at hand signs in; without a ticket it is said what is missing."""
    with managed(samba, **NO_PASSWORD) as manager:
        with pytest.raises(BindError, match="ticket"):
            manager.user("alice")
        for name, value in samba.kinit("svc_web").items():
            monkeypatch.setenv(name, value)
        assert manager.user("alice").username == "alice"
        assert manager.connection.search(samba.base_dn, "(sAMAccountName=bob)", attributes=["mail"])
    options = {"authentication": "SASL", "sasl_mechanism": "GSSAPI"}
    with managed(samba, CONNECTION_OPTIONS=options, USERNAME="", PASSWORD="") as manager:
        assert manager.user("alice").username == "alice"


def test_a_machines_account(samba: DomainController, machine: str) -> None:
    """A computer's account reads the directory from its keytab: people, groups, and who it is itself."""
    with managed(samba, CLIENT_KEYTAB=machine, **NO_PASSWORD) as manager:
        assert manager.user("alice").username == "alice"
        assert manager.is_member("bob", "Loop A")
        assert owner(manager) not in {manager.user(name).sid for name in ("alice", "svc_web")}


@pytest.mark.parametrize("username", ["svc_web", "EXAMPLE\\svc_web", "svc_web@example.local"])
def test_one_key_of_several(samba: DomainController, two_keys: str, username: str) -> None:
    """USERNAME names the key, in any of its spellings, where a keytab holds several."""
    with managed(samba, **{**NO_PASSWORD, "CLIENT_KEYTAB": two_keys, "USERNAME": username}) as manager:
        assert owner(manager) == manager.user("svc_web").sid


@pytest.mark.parametrize("problem", ["missing", "no such key", "an old key"])
def test_a_keytab_that_does_not_help(samba: DomainController, machine: str, tmp_path: Path, problem: str) -> None:
    """The error says what to look at, and the password is not asked for."""
    settings = {**NO_PASSWORD, "CLIENT_KEYTAB": machine}
    if problem == "missing":
        settings["CLIENT_KEYTAB"] = str(tmp_path / "nowhere.keytab")
    elif problem == "no such key":
        settings["USERNAME"] = "alice"
    else:
        person = samba.create_user()
        samba.tool("domain", "exportkeytab", str(tmp_path / "old.keytab"), f"--principal={person}")
        samba.set_password(person, "New" + samba.password)
        settings |= {"CLIENT_KEYTAB": str(tmp_path / "old.keytab"), "USERNAME": person}
    with managed(samba, **settings) as manager, pytest.raises(BindError, match="CLIENT_KEYTAB"):
        manager.user("alice")


def test_tickets_are_renewed(
    samba: DomainController, machine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the ticket in memory has ended the next bind gets another one from the keytab, with nobody's help."""
    import gssapi

    short = tmp_path / "krb5.conf"
    text = Path(samba.krb5_conf).read_text()
    short.write_text(text.replace("[libdefaults]", "[libdefaults]\n ticket_lifetime = 2s"))
    keytab = str(shutil.copyfile(machine, tmp_path / "short.keytab"))
    keys = {"client_keytab": keytab, "ccache": kerberos.memory_cache(keytab, "")}
    with monkeypatch.context() as then:
        then.setenv("KRB5_CONFIG", str(short))
        assert 0 < gssapi.Credentials(usage="initiate", store=keys).lifetime <= 2
    time.sleep(3)  # nobody turns the controller's clock
    with managed(samba, CLIENT_KEYTAB=keytab, **NO_PASSWORD) as manager:
        assert manager.user("alice").username == "alice"
    assert gssapi.Credentials(usage="initiate", store=keys).lifetime > 3600


def test_many_threads_share_a_keytab(samba: DomainController, machine: str) -> None:
    """Binds at the same time, each on a connection of its own, all work."""
    found: list[str] = []
    with managed(samba, CLIENT_KEYTAB=machine, **NO_PASSWORD) as manager:
        threads = [threading.Thread(target=lambda: found.append(manager.user("alice").username)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert found == ["alice"] * 8


@pytest.mark.parametrize("tls", [{}, {"USE_SSL": False, "START_TLS": True}], ids=["LDAPS", "StartTLS"])
def test_a_bind_holds_for_its_own_tls_connection(
    samba: DomainController, machine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tls: dict[str, object]
) -> None:
    """The bind's first token is good on the controller's own TLS connection, and on no other: nobody can relay it.

    Samba 4.17 does not look at it, so a Kerberos acceptor with the controller's key does.
    """
    tokens: list[bytes] = []
    step = kerberos.GSSAPI.step

    def noted(self: kerberos.GSSAPI, token: bytes | None) -> bytes | None:
        answer = step(self, token)
        if token is None:
            tokens.append(answer or b"")
        return answer

    monkeypatch.setattr(kerberos.GSSAPI, "step", noted)
    with managed(samba, **{**NO_PASSWORD, **tls, "CLIENT_KEYTAB": machine}) as manager:
        assert manager.user("alice").username == "alice"
        presented = manager.connection.socket.inner.getpeercert(binary_form=True)
    keytab = str(tmp_path / "ldap.keytab")
    samba.tool("domain", "exportkeytab", keytab, f"--principal=ldap/{samba.host}")
    monkeypatch.setenv("KRB5RCACHENAME", "none:")
    assert accepts(keytab, tokens[0], b"tls-server-end-point:" + hashlib.sha256(presented).digest())
    assert not accepts(keytab, tokens[0], b"tls-server-end-point:" + hashlib.sha256(b"another").digest())


def accepts(keytab: str, token: bytes, binding: bytes) -> bool:
    import gssapi
    from gssapi.raw import ChannelBindings

    credentials = gssapi.Credentials(usage="accept", store={"keytab": keytab})
    acceptor = gssapi.SecurityContext(
        usage="accept", creds=credentials, channel_bindings=ChannelBindings(application_data=binding)
    )
    try:
        acceptor.step(token)
        return bool(acceptor.complete)  # an error of step() is raised here
    except gssapi.exceptions.BadChannelBindingsError:
        return False


def test_no_security_layer_without_tls(samba: DomainController, machine: str) -> None:
    """Where neither TLS nor signing protects the connection the controller says no, and the error says what to set."""
    with (
        managed(samba, USE_SSL=False, CLIENT_KEYTAB=machine, **NO_PASSWORD) as manager,
        pytest.raises(SigningRequired, match="START_TLS"),
    ):
        manager.user("alice")


def test_sspi_as_far_as_it_goes_here(samba: DomainController, monkeypatch: pytest.MonkeyPatch, machine: str) -> None:
    """What runs on Windows, on real tickets: pyspnego, which is SSPI there, uses gssapi here."""
    pytest.importorskip("spnego")
    for name, value in samba.kinit("svc_web").items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(kerberos.sys, "platform", "win32")
    with managed(samba, **NO_PASSWORD) as manager:
        assert owner(manager) == manager.user("svc_web").sid
