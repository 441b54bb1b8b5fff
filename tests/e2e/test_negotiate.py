"""Kerberos in the process: real servers, real tickets from Samba's KDC, curl and Chromium."""

from __future__ import annotations

import base64
import shutil
import subprocess

import pytest

from tests.ad.fixtures import unavailable
from tests.e2e.conftest import required
from tests.e2e.servers import chromium, missing, negotiate, python_server


@pytest.fixture(scope="module")
def alice(samba):
    """The environment with alice's ticket."""
    return samba.kinit("alice")


def token_groups(samba, name):
    """The SIDs that the directory itself says."""
    from ldap3 import BASE
    from ldap3.protocol.formatters.formatters import format_sid

    with samba.connect() as connection:
        dn = samba.entry(name)["dn"]
        connection.search(dn, "(objectClass=*)", BASE, attributes=["tokenGroups"])
        return {format_sid(value) for value in connection.response[0]["raw_attributes"]["tokenGroups"]}


def test_curl_signs_in_with_a_ticket(kerberos_server, alice):
    """401, the ticket, 200 with the server's own proof; name and domain come from the ticket."""
    answer = negotiate(kerberos_server.url("/negotiate/required"), alice)
    assert (answer.status, answer.told["identity"]) == (200, "EXAMPLE\\alice")
    (proof,) = answer.all("WWW-Authenticate")
    assert proof.startswith("Negotiate ")
    assert len(base64.b64decode(proof.removeprefix("Negotiate "))) > 50


def test_the_cookie_saves_the_handshake(kerberos_server, alice):
    """The second request brings no ticket, reaches any worker, and is still alice with the same groups."""
    first = negotiate(kerberos_server.url("/negotiate/required"), alice)
    (cookie,) = first.all("Set-Cookie")
    headers = [("Cookie", cookie.partition(";")[0])]
    answers = [kerberos_server.get("/negotiate/required", headers) for _ in range(8)]
    assert {(a.status, a.told["identity"]) for a in answers} == {(200, "EXAMPLE\\alice")}
    assert all(a.told["groups"] == first.told["groups"] for a in answers)


@pytest.mark.parametrize("person", ["alice", "bob", "primary.pete", "user00007"])
def test_the_tickets_groups_are_the_directorys(kerberos_server, samba, person):
    """Every group of the domain that tokenGroups lists is in the ticket's facts, and no other."""
    told = negotiate(kerberos_server.url("/negotiate/required"), samba.kinit(person)).told
    own = {sid for sid in told["groups"] if sid.startswith("S-1-5-21-")}
    assert own == {sid for sid in token_groups(samba, person) if sid.startswith("S-1-5-21-")}
    assert len(own) >= 1


@pytest.mark.parametrize(
    ("typed", "identity"),
    [("ALICE", "EXAMPLE\\alice"), ("a(b)c&d", "EXAMPLE\\a(b)c&d"), ("Zoë.Ünal", "EXAMPLE\\zoë.ünal")],
)
def test_names_as_people_type_them(kerberos_server, samba, typed, identity):
    """However the name was typed, the ticket's canonical one counts."""
    told = negotiate(kerberos_server.url("/negotiate/required"), samba.kinit(typed)).told
    assert told["identity"] == identity


def test_an_enterprise_name_is_its_owner(kerberos_server, samba):
    """A ticket for a UPN that is not the account's name is the account's."""
    environment = samba.kinit("alice")  # a cache of its own, to be overwritten
    subprocess.run(
        ["kinit", "-E", "U.Upper@corp.example"], input=samba.password.encode(), env={**environment}, check=True,
        capture_output=True,
    )  # fmt: skip
    assert negotiate(kerberos_server.url("/negotiate/required"), environment).told["identity"] == "EXAMPLE\\ursula"


def test_a_ticket_without_a_pac_is_refused(kerberos_server, samba):
    """A user can leave the PAC out; that is no way around the groups."""
    environment = samba.kinit("alice")
    subprocess.run(
        ["kinit", "--no-request-pac", "alice"], input=samba.password.encode(), env=environment, check=True,
        capture_output=True,
    )  # fmt: skip
    answer = negotiate(kerberos_server.url("/negotiate/required"), environment)
    assert (answer.status, answer.told["identity"]) == (401, None)


def test_without_a_ticket_there_is_a_challenge(kerberos_server):
    """401 where required, the page for nobody where not."""
    answer = kerberos_server.get("/negotiate/required")
    assert (answer.status, answer.all("WWW-Authenticate")) == (401, ["Negotiate"])
    answer = kerberos_server.get("/negotiate")
    assert (answer.status, answer.told["identity"]) == (200, None)


def initiate(environment, monkeypatch, service="HTTP/intranet.example.local@EXAMPLE.LOCAL"):
    """A first token for *service*."""
    import gssapi

    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    context = gssapi.SecurityContext(
        name=gssapi.Name(service, gssapi.NameType.kerberos_principal),
        mech=gssapi.OID.from_int_seq("1.3.6.1.5.5.2"),
        usage="initiate",
    )
    return context.step()


def authorization(token):
    """The header that carries it."""
    return [("Authorization", "Negotiate " + base64.b64encode(token).decode())]


def test_a_replayed_ticket_is_refused_by_every_worker(kerberos_server, alice, monkeypatch):
    """The replay cache is shared, so that the same token works once in all."""
    token = initiate(alice, monkeypatch)
    statuses = [kerberos_server.get("/negotiate/required", authorization(token)).status for _ in range(6)]
    assert statuses == [200] + [401] * 5


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda token: token[:-1], id="cut"),
        pytest.param(lambda token: token[:200] + bytes([token[200] ^ 1]) + token[201:], id="changed"),
        pytest.param(lambda token: token[:-20] + bytes(20), id="authenticator-changed"),
        pytest.param(lambda token: b"", id="empty"),
        pytest.param(lambda token: b"\x60" * 4000, id="junk"),
        pytest.param(lambda token: b"NTLMSSP\0\1\0\0\0" + bytes(28), id="ntlm"),
        pytest.param(
            lambda token: bytes.fromhex("a1073005a0030a0101") , id="second-leg"
        ),
    ],
)  # fmt: skip
def test_spoilt_tokens_are_refused(kerberos_server, alice, monkeypatch, spoil):
    """401 with a bare challenge; nobody is signed in and nothing breaks."""
    answer = kerberos_server.get("/negotiate/required", authorization(spoil(initiate(alice, monkeypatch))))
    assert (answer.status, answer.all("WWW-Authenticate"), answer.all("Set-Cookie")) == (401, ["Negotiate"], [])


def test_a_ticket_for_another_service_is_refused(kerberos_server, alice, monkeypatch):
    """The directory's own ticket opens no web site."""
    token = initiate(alice, monkeypatch, "ldap/dc1.example.local@EXAMPLE.LOCAL")
    assert kerberos_server.get("/negotiate/required", authorization(token)).status == 401


def test_chromium_signs_in_with_a_ticket(kerberos_server, alice, tmp_path):
    """A real browser answers the challenge by itself, and the page knows who is there."""
    if shutil.which("chromium") is None:
        unavailable("chromium is not installed")
    page = chromium(kerberos_server.url("/negotiate/required"), tmp_path, alice)
    assert '"identity": "EXAMPLE\\\\alice"' in page


@pytest.fixture
def in_many_groups(samba):
    """The name of somebody in so many groups that a ticket is longer than common header limits."""
    sam = samba.create_user("many")
    names = [f"{sam}-{number}" for number in range(650)]
    with samba.connect() as admin:
        member = samba.dn(sam)
        for name in names:
            admin.add(f"CN={name},OU=Staff,{samba.base_dn}", "group", {"sAMAccountName": name, "member": member})
        yield sam
        admin.delete(member)
        for name in names:
            admin.delete(f"CN={name},OU=Staff,{samba.base_dn}")


def test_somebody_in_hundreds_of_groups(samba, in_many_groups, web_folder, curl_installed, monkeypatch):
    """A header beyond eight kilobytes gets in where the server lets it, and all the groups fit into the cookie."""
    required(missing("gssapi"))
    settings = {"E2E_KEYTAB": samba.http_keytab, "KRB5_CONFIG": samba.krb5_conf}
    environment = samba.kinit(in_many_groups)
    assert len(authorization(initiate(environment, monkeypatch))[0][1]) > 8190
    with python_server("gunicorn", web_folder / "big.log", settings) as server:
        answer = negotiate(server.url("/negotiate/required"), environment)
        assert answer.status == 200
        assert len(answer.told["groups"]) > 650
        (cookie,) = answer.all("Set-Cookie")
        again = server.get("/negotiate/required", [("Cookie", cookie.partition(";")[0])])
        assert again.told["groups"] == answer.told["groups"]


def test_windows_own_acceptor_speaks_the_same(samba, alice, monkeypatch):
    """`SSPIAcceptor` with pyspnego on Kerberos here, as it is on SSPI there: tickets once, and nothing else."""
    for module in ("gssapi", "spnego", "krb5"):  # pip install "pyspnego[kerberos]"
        required(missing(module))
    from wauth_wsgi.negotiate.acceptor import HandshakeFailed, SSPIAcceptor

    monkeypatch.setenv("KRB5_KTNAME", samba.http_keytab)
    token = initiate(alice, monkeypatch)
    acceptor = SSPIAcceptor()
    accepted = acceptor.accept(token)
    assert (accepted.principal, accepted.logon_info) == ("alice@EXAMPLE.LOCAL", None)
    assert accepted.reply
    for bad in (token, token[:-1], b"junk", b"NTLMSSP\0\1\0\0\0" + bytes(28), b"\x60" * 5000):
        with pytest.raises(HandshakeFailed):
            acceptor.accept(bad)


def test_a_renewed_keytab_is_read_without_a_restart(samba, alice, tmp_path, monkeypatch):
    """The service's password changes, and its keytab with it: the running acceptor goes by the new key."""
    required(missing("gssapi"))
    from wauth_wsgi.negotiate.acceptor import GSSAPIAcceptor, HandshakeFailed

    service, keytab = samba.create_user("svc", ou="CN=Users"), tmp_path / "service.keytab"
    principal = f"HTTP/{service}.example.local"
    samba.tool("spn", "add", principal, service)

    def export():
        keytab.unlink(missing_ok=True)
        samba.tool("domain", "exportkeytab", str(keytab), f"--principal={principal}")

    try:
        export()
        acceptor = GSSAPIAcceptor(keytab)
        assert acceptor.accept(initiate(alice, monkeypatch, f"{principal}@EXAMPLE.LOCAL")).principal.startswith(
            "alice@"
        )
        samba.set_password(service, "An0ther-Key!")
        of_the_new_key = initiate(samba.kinit("alice"), monkeypatch, f"{principal}@EXAMPLE.LOCAL")
        with pytest.raises(HandshakeFailed):
            acceptor.accept(of_the_new_key)
        export()
        token = initiate(samba.kinit("alice"), monkeypatch, f"{principal}@EXAMPLE.LOCAL")
        assert acceptor.accept(token).principal.startswith("alice@")
    finally:
        samba.delete(service)
