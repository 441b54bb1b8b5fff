"""ldap3 itself, as the manual's sections 1.7 and 1.14 let it be used through a manager."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import ldap3
import pytest
from ldap3 import Writer
from ldap3.core.exceptions import LDAPConnectionIsReadOnlyError

from tests.ad.certificates import Authority
from tests.ad.directory import managed
from tests.ad.samba import DomainController
from tests.ad.tap import Tap
from wauth_core.directory import LDAPManager
from wauth_core.exceptions import ConfigurationError, DirectoryError, ReadOnlyError


@contextmanager
def tapped(samba: DomainController, authority: Authority, **overrides: object) -> Iterator[tuple[Tap, LDAPManager]]:
    """A manager whose every message passes a tap."""
    with (
        Tap(samba, authority.issue("ldap3-tap", hosts=("localhost",))) as tap,
        managed(samba, SERVER=tap.url, CA_FILE=str(authority.ca_file), **overrides) as manager,
    ):
        yield tap, manager


def test_reader_and_writer_as_the_manual_has_them(samba: DomainController) -> None:
    """get_reader, search, Writer.from_cursor, match and commit work as printed, with READ_ONLY=False."""
    with managed(samba, READ_ONLY=False, USERNAME=samba.admin_user) as manager:
        reader = manager.get_reader("computer")
        reader.search("name")
        writer = Writer.from_cursor(reader)
        computer = writer.match("name", "DC1")[0]
        computer.description = "Hello world!"
        writer.commit()
        found = manager.get_reader("computer", "name: DC1", ["name", "description"]).search()[0]
        assert found.description == "Hello world!"
        samba.modify("DC1$", description=None)


def test_read_only(samba: DomainController, manager: LDAPManager) -> None:
    """A read-only manager's connection refuses every kind of write, and sends nothing."""
    connection = manager.connection
    dn = samba.dn("alice")
    writes = [
        lambda: connection.add(f"CN=new,{samba.base_dn}", "user"),
        lambda: connection.modify(dn, {"description": [(ldap3.MODIFY_REPLACE, ["x"])]}),
        lambda: connection.delete(dn),
        lambda: connection.modify_dn(dn, "CN=other"),
        lambda: connection.extend.standard.modify_password(dn, "a", "b"),
        lambda: connection.extend.microsoft.modify_password(dn, "Passw0rd!y"),
    ]
    for write in writes:
        with pytest.raises(ReadOnlyError, match="READ_ONLY"):
            write()
        with pytest.raises(LDAPConnectionIsReadOnlyError):
            write()
    assert connection.search(dn, "(objectClass=*)", ldap3.BASE, attributes=["sn"])


def test_each_thread_has_its_own_connection(samba: DomainController) -> None:
    """A thread keeps its connection; another thread gets another; both end with their threads or the manager."""
    with managed(samba) as manager:
        mine = manager.connection
        assert manager.connection is mine
        others: list[object] = []
        thread = threading.Thread(target=lambda: others.append(id(manager.connection)))
        thread.start()
        thread.join()
        assert others != [id(mine)]
        mine.unbind()
        assert manager.connection is not mine
        assert manager.connection.bound


def test_a_broken_connection_is_replaced(samba: DomainController, ad_authority: Authority) -> None:
    """After the server hung up, the next `connection` is a fresh one."""
    with tapped(samba, ad_authority) as (tap, manager):
        assert manager.connection.search(samba.base_dn, "(cn=alice)")
        tap.cut(reset=True)
        assert manager.connection.search(samba.base_dn, "(cn=alice)")


def test_operations_have_a_deadline(samba: DomainController, ad_authority: Authority) -> None:
    """ldap3's own operations end at OPERATION_TIMEOUT, however silent the server is."""
    with tapped(samba, ad_authority, OPERATION_TIMEOUT=1) as (tap, manager):
        connection = manager.connection
        with tap.silence(), pytest.raises(ldap3.core.exceptions.LDAPExceptionError):
            connection.search(samba.base_dn, "(cn=alice)")
        assert manager.connection is not connection


def test_the_schema_is_fetched_once(samba: DomainController, ad_authority: Authority) -> None:
    """The first definition reads the schema; the next ones, in any thread, do not."""
    with tapped(samba, ad_authority) as (tap, manager):
        manager.preload()
        assert "sAMAccountName" in manager.get_definition("user")
        tap.forget()
        manager.get_definition("group")
        manager.get_definition("computer", ["dNSHostName"])
        thread = threading.Thread(target=manager.get_definition, args=("contact",))
        thread.start()
        thread.join()
        assert tap.searches() == []
        with pytest.raises(DirectoryError):
            manager.get_definition("no such class")


def test_usage(samba: DomainController) -> None:
    """get_usage() sums ldap3's metrics over all connections, closed ones too; without COLLECT_METRICS it is None."""
    with managed(samba) as manager:
        assert manager.get_usage().search_operations == 0
        manager.user("alice")
        manager.connection.search(samba.base_dn, "(cn=alice)")
        manager.close()
        usage = manager.get_usage()
        assert usage.search_operations == 2
        assert usage.bind_operations == 2
        assert usage.bytes_received > 100
        assert usage.open_sockets == usage.closed_sockets == 2
        assert usage.initial_connection_start_time is not None
    with managed(samba, COLLECT_METRICS=False) as manager:
        manager.user("alice")
        assert manager.get_usage() is None


def test_options(samba: DomainController) -> None:
    """SERVER_OPTIONS and CONNECTION_OPTIONS reach ldap3; what would undo our guarantees is refused with a reason."""
    with managed(
        samba, SERVER_OPTIONS={"get_info": ldap3.ALL}, CONNECTION_OPTIONS={"raise_exceptions": True}
    ) as manager:
        assert manager.connection.server.schema is not None
        with pytest.raises(ldap3.core.exceptions.LDAPNoSuchObjectResult):
            manager.connection.search("OU=nowhere," + samba.base_dn, "(cn=x)")
        assert manager.user("alice").username == "alice"
    for options in ({"client_strategy": ldap3.RESTARTABLE}, {"auto_referrals": True}, {"no_such": 1}):
        with managed(samba, CONNECTION_OPTIONS=options) as manager, pytest.raises(ConfigurationError):
            manager.user("alice")
