"""Rights in time, on a real domain with real tickets: nothing that is old gives back what was taken."""

from __future__ import annotations

import base64
import os
import subprocess

import pytest

from tests.core.standing import standing
from tests.e2e import servers
from tests.e2e.conftest import required
from wauth_core import SyncStatus, Wauth
from wauth_core.directory import trace
from wauth_core.identity import NameRules
from wauth_core.sync.knowledge import May
from wauth_core.testing import MemoryUserRepository
from wauth_core.web.request import Request
from wauth_wsgi import Negotiate

SERVICE = "HTTP/intranet.example.local@EXAMPLE.LOCAL"


class Caller:
    """Somebody with a ticket-granting ticket, who shows a ticket for the web server whenever asked."""

    def __init__(self, samba, name, monkeypatch):
        required(servers.missing("gssapi"))
        self.environment = samba.kinit(name)
        self._monkeypatch = monkeypatch
        self._source = Negotiate(samba.http_keytab, secure=False)

    def run(self, *command, **more):
        """A Kerberos command with this person's tickets."""
        subprocess.run(command, env={**os.environ, **self.environment}, check=True, capture_output=True, **more)

    def comes(self, service=SERVICE):
        """What the source says of this person now."""
        import gssapi

        for name in ("KRB5_CONFIG", "KRB5CCNAME"):
            self._monkeypatch.setenv(name, self.environment[name])
        service = gssapi.Name(service, gssapi.NameType.kerberos_principal)
        spnego = gssapi.OID.from_int_seq("1.3.6.1.5.5.2")
        token = gssapi.SecurityContext(name=service, mech=spnego, usage="initiate").step()
        headers = (("authorization", "Negotiate " + base64.b64encode(token).decode()),)
        return self._source.identify(Request({}, headers, "127.0.0.1"), NameRules())


@pytest.fixture
def company(samba):
    """A group of administrators, one of people who are denied, and bob, an administrator."""
    admins, denied, bob = samba.create_group("admins"), samba.create_group("denied"), samba.create_user("bob")
    samba.add_member(admins, bob)
    yield admins, denied, bob
    samba.delete(bob, admins, denied)


def test_bobs_ticket_of_the_morning(samba, company, monkeypatch):
    """Taken out of the administrators and denied, he comes with the ticket of before: he gets nothing back."""
    admins, denied, name = company
    bob, store = Caller(samba, name, monkeypatch), MemoryUserRepository()
    with Wauth({"EXAMPLE": samba.settings(SUPERUSER_GROUPS=admins, DENY_GROUPS=denied)}) as wauth:
        first = bob.comes()
        assert wauth.sync(first.identity, store, facts=first.facts).flags["is_superuser"] is True
        samba.remove_member(admins, name)
        samba.add_member(denied, name)
        assert wauth.sync(first.identity, store).status is SyncStatus.REFUSED
        for _ in range(2):
            again = bob.comes()
            assert again.facts.as_of == first.facts.as_of, "the same ticket-granting ticket"
            told = standing(wauth, store, again.identity, facts=again.facts, begins=True)
            assert told.may is May.NO
            [user] = store.users.values()
            assert (user.flags["is_superuser"], user.flags["is_active"]) == (False, False)


def test_what_a_ticket_costs(samba, company, monkeypatch):
    """A young one of a known person: no search at all. An old one: exactly one, of the person's own entry."""
    admins, denied, name = company
    bob, store = Caller(samba, name, monkeypatch), MemoryUserRepository()
    with Wauth({"EXAMPLE": samba.settings(SUPERUSER_GROUPS=admins, DENY_GROUPS=denied)}) as wauth:
        young = bob.comes()
        wauth.sync(young.identity, store)
        [key] = store.users
        link = store.users[key].link
        with trace() as operations:
            assert standing(wauth, store, young.identity, facts=young.facts, begins=True).may is May.YES
        assert operations == []
        assert store.users[key].link.last_sync == link.last_sync, "the row is newer than the ticket"
    with Wauth({"EXAMPLE": samba.settings(SUPERUSER_GROUPS=admins, DENY_GROUPS=denied)}, resync_delta=60) as wauth:
        wauth.sync(young.identity, store)
        with trace() as operations:
            assert standing(wauth, store, young.identity, facts=young.facts, begins=True, delta=0).may is May.YES
        assert [operation.kind for operation in operations if operation.kind == "search"] == ["search"]


def test_a_renewed_ticket_is_as_old_as_its_first(samba, company, monkeypatch):
    """kinit -R gives a new lifetime, and the groups of the first logon."""
    _, _, name = company
    bob = Caller(samba, name, monkeypatch)
    bob.run("kinit", "-r", "1d", name, input=samba.password.encode())
    first = bob.comes()
    bob.run("sleep", "1.1")
    bob.run("kinit", "-R")
    assert bob.comes().facts.as_of == first.facts.as_of
    bob.run("kinit", name, input=samba.password.encode())
    assert bob.comes().facts.as_of > first.facts.as_of


def test_a_ticket_that_a_service_got_for_itself_is_of_unknown_age(samba, company, monkeypatch):
    """S4U2Self: nobody showed a password for it. Its groups are in it, and give nothing: the directory is asked."""
    admins, denied, name = company
    bob, store = Caller(samba, name, monkeypatch), MemoryUserRepository()
    service, cache = "svc_http@EXAMPLE.LOCAL", f"{bob.environment['KRB5CCNAME']}.s4u"
    bob.environment = samba.kinit("svc_http")
    bob.run("kvno", "-U", name, "--out-cache", cache, service)
    bob.environment["KRB5CCNAME"] = cache
    came = bob.comes(service)
    assert (came.identity.username, came.facts.as_of) == (name, None)
    with Wauth({"EXAMPLE": samba.settings(SUPERUSER_GROUPS=admins, DENY_GROUPS=denied)}) as wauth:
        assert wauth.people.group_sids("EXAMPLE", admins) <= came.facts.group_sids, "of the time when it was made"
        samba.remove_member(admins, name)
        with trace() as operations:
            assert wauth.sync(came.identity, store, facts=came.facts).flags["is_superuser"] is False
        assert "search" in [operation.kind for operation in operations]
        assert wauth.people.told(came.identity, came.facts)[0].groups.isdisjoint(
            wauth.people.group_sids("EXAMPLE", admins)
        )
