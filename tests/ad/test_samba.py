"""The test directory itself: it is real, and who should be there is there."""

from __future__ import annotations

import os
import subprocess

import pytest
from ldap3 import BASE
from ldap3.core.exceptions import LDAPExceptionError, LDAPInvalidCredentialsResult, LDAPSocketOpenError

from tests.ad.people import BIG_GROUP_SIZE, EXAMPLE
from tests.ad.samba import DomainController


def test_service_account_binds_over_verified_ldaps(samba: DomainController) -> None:
    """The service account's simple bind over LDAPS works and a wrong password is refused."""
    with samba.connect(samba.bind_user, samba.bind_password) as connection:
        assert connection.bound
    with pytest.raises(LDAPInvalidCredentialsResult), samba.connect(samba.bind_user, "wrong"):
        pass


def test_kinit_gets_tickets(samba: DomainController) -> None:
    """Kerberos gives alice tickets for the web server, whose keytab has AES keys, and for the directory."""
    environment = {**os.environ, **samba.kinit("alice")}
    for service in ("HTTP/intranet.example.local", f"ldap/{samba.host}"):
        subprocess.run(["kvno", service], env=environment, check=True, capture_output=True)
    keys = subprocess.run(["klist", "-ke", samba.http_keytab], check=True, capture_output=True, text=True)
    assert "HTTP/intranet.example.local@EXAMPLE.LOCAL (aes256-cts" in keys.stdout


def test_everybody_is_there(samba: DomainController) -> None:
    """Each person and group of the list stands in the directory with its own CN and logon name."""
    wanted = {entry.sam: entry.cn or entry.sam for entry in (*EXAMPLE.people, *EXAMPLE.groups)}
    query = "(&(|(objectCategory=person)(objectClass=group))(!(isCriticalSystemObject=TRUE)))"
    with samba.connect() as connection:
        found = connection.extend.standard.paged_search(
            samba.base_dn, query, attributes=["cn", "sAMAccountName"], paged_size=1000
        )
        names = {
            entry["raw_attributes"]["sAMAccountName"][0].decode(): entry["raw_attributes"]["cn"][0].decode()
            for entry in found
            if entry["type"] == "searchResEntry" and entry["raw_attributes"]["sAMAccountName"]
        }
    assert {sam: names.get(sam) for sam in wanted} == wanted


def test_alice_is_a_domain_administrator_five_groups_away(samba: DomainController) -> None:
    """tokenGroups holds what nests, and nothing through a mailing list."""
    with samba.connect() as connection:

        def token_groups(sam: str) -> set[bytes]:
            connection.search(samba.dn(sam), "(objectClass=*)", BASE, attributes=["tokenGroups"])
            return set(connection.response[0]["raw_attributes"]["tokenGroups"])

        def sid(sam: str) -> bytes:
            return bytes(samba.entry(sam)["raw_attributes"]["objectSid"][0])

        assert sid("Domain Admins") in token_groups("alice")
        assert sid("Domain Admins") not in token_groups("carol") | token_groups("mallory")
        assert sid("Behind A List") not in token_groups("dist.dora")
        assert sid("Primary People") in token_groups("primary.pete")


def test_big_group_is_bigger_than_one_range(samba: DomainController) -> None:
    """The big group has 1,601 members. (Samba hands out ranges only to who asks for one; Windows always.)"""
    members = samba.entry("Everyone Big", ("member",))["raw_attributes"]["member"]
    assert len(members) == BIG_GROUP_SIZE > 1500


@pytest.mark.parametrize(
    ("sam", "reason"),
    [
        ("disabled.dan", "data 533"),
        ("expired.eve", "data 701"),
        ("locked.lou", "data 775"),
        ("mustchange.mia", "data 773"),
    ],
)
def test_accounts_that_must_not_get_in(samba: DomainController, sam: str, reason: str) -> None:
    """The right password of such an account is refused, with Active Directory's reason."""
    refused = pytest.raises(LDAPInvalidCredentialsResult, match=reason)
    with refused, samba.connect(f"EXAMPLE\\{sam}", samba.password):
        pass


@pytest.mark.parametrize("sam", [person.sam for person in EXAMPLE.people if person.sam.startswith("pw.")])
def test_passwords_that_unicode_normalisation_would_change(samba: DomainController, sam: str) -> None:
    """Passwords with ligatures, full-width and invisible letters bind byte for byte as they are."""
    password = next(person.password for person in EXAMPLE.people if person.sam == sam)
    with samba.connect(f"EXAMPLE\\{sam}", password) as connection:
        assert connection.bound


def test_people_can_be_changed(samba: DomainController) -> None:
    """A test can make, rename, disable and delete people, and change groups."""
    group = samba.create_group()
    person = samba.create_user(mail="new@example.local")
    before = samba.entry(person)["raw_attributes"]
    samba.add_member(group, person)
    samba.disable(person)
    renamed = f"{person}r"[-20:]
    samba.rename(person, renamed)
    after = samba.entry(renamed)["raw_attributes"]
    assert after["objectGUID"] == before["objectGUID"]
    assert after["memberOf"] == [samba.dn(group).encode()]
    assert after["userAccountControl"] == [b"514"]
    samba.enable(renamed)
    samba.set_password(renamed, "Another1!pass")
    with samba.connect(f"EXAMPLE\\{renamed}", "Another1!pass"):
        pass
    samba.remove_member(group, renamed)
    samba.move(renamed, "OU=Leavers")
    assert samba.entry(renamed)["raw_attributes"]["memberOf"] == []
    assert samba.dn(renamed) == f"CN={renamed},OU=Leavers,{samba.base_dn}"
    samba.delete(renamed, group)
    with pytest.raises(LookupError):
        samba.entry(renamed)


def test_restart_kill_and_freeze(samba: DomainController) -> None:
    """Connections die with the server, a killed server refuses, and a started one serves again."""
    if not samba.owned:
        pytest.skip("this controller belongs to another process")
    with samba.connect() as connection:
        samba.restart()
        with pytest.raises(LDAPExceptionError):
            connection.search(samba.base_dn, "(objectClass=*)", BASE)
    with samba.connect() as connection:
        samba.kill()
        assert not samba.answers()
        with pytest.raises(LDAPSocketOpenError), samba.connect():
            pass
        samba.start()
    assert samba.answers()


def test_second_controller_holds_the_same_people(samba: DomainController, samba_second_dc: DomainController) -> None:
    """alice has one GUID on both controllers and can bind to either; later changes come by replication."""
    with samba_second_dc.connect("EXAMPLE\\alice", samba.password):
        pass
    person = samba.create_user()
    samba_second_dc.replicate_from(samba)
    assert samba_second_dc.dn(person) == samba.dn(person)
    entries = [controller.entry("alice")["raw_attributes"] for controller in (samba, samba_second_dc)]
    assert entries[0]["objectGUID"] == entries[1]["objectGUID"]


def test_other_domain_has_twins(samba: DomainController, other_domain: DomainController) -> None:
    """OTHER's alice is somebody else, and her password does not open EXAMPLE's door."""
    assert (
        other_domain.entry("alice")["raw_attributes"]["objectSid"]
        != samba.entry("alice")["raw_attributes"]["objectSid"]
    )
