"""Finding people and groups in a real Active Directory: exactly one, or an error."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from tests.ad.directory import managed
from tests.ad.people import EXAMPLE
from tests.ad.samba import DomainController
from wauth_core import Identity
from wauth_core.directory import LDAPManager
from wauth_core.directory.decode import fold
from wauth_core.exceptions import (
    AmbiguousGroup,
    ConfigurationError,
    GroupNotFound,
    OperationFailed,
    UserNotFound,
)

PEOPLE = [person.sam for person in EXAMPLE.people if not person.sam.startswith("user")]


@pytest.mark.parametrize("sam", PEOPLE)
def test_finds_everybody_in_every_way(manager: LDAPManager, sam: str) -> None:
    """The same person is found by name in any case, by DOMAIN\\name, UPN, GUID, SID and DN, awkward names included."""
    user = manager.user(sam)
    assert user.username == sam
    ways = [
        sam.upper(),
        f"EXAMPLE\\{sam}",
        f"example.local\\{sam}",
        f"{sam}@example.local",
        user.upn,
        user.guid,
        str(user.guid),
        f"{{{user.guid}}}",
        user.sid,
        user.dn,
        user,
        Identity("EXAMPLE", sam),
    ]
    found = {manager.user(way).guid for way in ways}
    assert found == {user.guid}


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "nobody",
        "*",
        "ali*",
        "alice*",
        "alice)(objectClass=*",
        "*)(sAMAccountName=alice",
        "alice\x00",
        "alice\\",
        "\\alice",
        "OTHER\\alice",
        "other.local\\alice",
        "alice@other.local",
        "alice@",
        "CN=nobody,DC=example,DC=local",
        "CN=alice",
        "CN=alice,OU=Staff,DC=other,DC=local",
        Identity("OTHER", "alice"),
        "not=a,dn",
        "S-1-5-21-1-2-3-1104",
        "00000000-0000-0000-0000-000000000001",
        "Zoe.Unal",
        "Zoë.Unal",
        "ＡＬＩＣＥ",
        "al\u200bice",
        "\ud800",
        "Domain Admins",
        "DC1$",
        None,
        7,
        uuid.UUID(int=0),
    ],
    ids=repr,
)
def test_finds_nobody(manager: LDAPManager, name: object) -> None:
    """What names nobody, or a group, a machine, or somebody of another domain, is "not found"; never another error."""
    with pytest.raises(UserNotFound):
        manager.user(name)


ALPHABET = st.one_of(
    st.characters(exclude_categories=["Cs"]),
    st.sampled_from(list('()*\\,;=+"<>#&|!:/@ \x00aeiosß')),
)


@given(st.one_of(st.text(ALPHABET, max_size=40), st.sampled_from(PEOPLE).map(lambda sam: sam.swapcase())))
@example("jose").via("accents are compared by AD, not by us")
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_random_name_finds_that_person_or_nobody(manager: LDAPManager, name: str) -> None:
    """Whatever is asked, the answer is a person of just that name, or nobody; no text breaks out of the filter."""
    assume("=" not in name and "\\" not in name and "@" not in name)
    try:
        user = manager.user(name)
    except UserNotFound:
        return
    assert fold(user.username) == fold(name)


@given(st.text(ALPHABET, min_size=1, max_size=40))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_random_dn_finds_nobody(manager: LDAPManager, value: str) -> None:
    """A DN around random text is somebody's DN or nobody's; it is never an error of another kind."""
    with pytest.raises(UserNotFound):
        manager.user(f"CN={value},OU=Nowhere,DC=example,DC=local")


@given(st.text(ALPHABET, max_size=30))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_random_value_in_a_filter_is_only_a_value(manager: LDAPManager, value: str) -> None:
    """A mapping's values are escaped: only entries with that very value come back."""
    assume(value.strip() and value != "*")
    for user in manager.users({"mail": value}, ["mail"]):
        assert str(user.email).lower() == value.lower()


def test_accents_are_not_ignored(samba: DomainController, manager: LDAPManager) -> None:
    """Where AD takes "jose" for "josé", we do not: they are two people."""
    sam = samba.create_user("josé")
    try:
        assert manager.user(sam).username == sam
        with pytest.raises(UserNotFound):
            manager.user(sam.replace("é", "e"))
    finally:
        samba.delete(sam)


def test_explicit_and_implicit_upn(manager: LDAPManager) -> None:
    """tim's own UPN is timothy@…; tim@… still finds him, as AD lets everybody sign in with name@domain."""
    assert manager.user("timothy@example.local").username == "tim"
    assert manager.user("tim@example.local").username == "tim"
    assert manager.user("u.upper@CORP.example").username == "ursula"


def test_values_are_decoded(manager: LDAPManager) -> None:
    """GUIDs, SIDs, times and numbers are Python values; names of attributes compare without case."""
    user = manager.user("Zoë.Ünal", ["whenCreated", "lastLogon", "memberOf", "displayName", "uSNChanged"])
    assert isinstance(user.guid, uuid.UUID)
    assert user.sid is not None
    assert user.sid.startswith(manager.domain_sid)
    assert user.display_name == "Zoë Ünal 李"
    created = user.attributes["whencreated"]
    assert abs(datetime.now(timezone.utc) - created) < timedelta(days=3650)
    assert user.attributes["lastLogon"] is None or user.attributes["lastLogon"].tzinfo
    assert isinstance(user.attributes["usnchanged"], int)
    assert isinstance(user.attributes["MEMBEROF"], list)


@pytest.mark.parametrize(
    ("sam", "reasons"),
    [
        ("alice", ()),
        ("disabled.dan", ("disabled",)),
        ("expired.eve", ("expired",)),
        ("locked.lou", ("locked",)),
        ("mustchange.mia", ("must change password",)),
    ],
)
def test_account_states(manager: LDAPManager, sam: str, reasons: tuple[str, ...]) -> None:
    """Each state that AD keeps is told; only a disabled or expired account is unusable."""
    user = manager.user(sam)
    assert user.state.reasons == reasons
    assert user.enabled is (sam not in {"disabled.dan", "expired.eve"})


def test_person_must_match_the_query_filter_and_the_base(samba: DomainController) -> None:
    """Outside SEARCH_BASE or USER_QUERY_FILTER there is nobody, even by a known GUID."""
    with managed(samba) as whole:
        alice, dora = whole.user("alice"), whole.user("dora.deep")
    with managed(samba, SEARCH_BASE=f"OU=Deeper, OU=Staff,{samba.base_dn}") as deeper:
        assert deeper.person(guid=dora.guid, username="dora.deep").guid == dora.guid
        for guid in (alice.guid, None):
            with pytest.raises(UserNotFound):
                deeper.person(guid=guid, username="alice")
    for filtered in ({"mail": "*", "sn": ["Deep", "Shallow"]}, "(&(mail=*)(sn=Deep))", "sn=Deep"):
        with managed(samba, USER_QUERY_FILTER=filtered) as manager:
            assert manager.person(guid=None, username="dora.deep").guid == dora.guid
            assert not manager.authenticate("alice", samba.password)
            for guid in (alice.guid, None):
                with pytest.raises(UserNotFound):
                    manager.person(guid=guid, username="alice")


def test_a_bad_filter_is_a_configuration_error(samba: DomainController, manager: LDAPManager) -> None:
    """A filter that cannot be read is reported as one."""
    with managed(samba, USER_QUERY_FILTER="(&(mail=*)") as broken, pytest.raises(ConfigurationError):
        broken.person(guid=None, username="alice")
    with pytest.raises(ConfigurationError):
        list(manager.users("(mail"))


def test_a_base_that_is_not_there(samba: DomainController) -> None:
    """A wrong SEARCH_BASE is an error that says so, not "no such user"."""
    overrides = {"SEARCH_BASE": f"OU=Missing,{samba.base_dn}"}
    with managed(samba, **overrides) as manager, pytest.raises(OperationFailed, match="SEARCH_BASE"):
        manager.user("alice")


def test_streams_all_in_pages(samba: DomainController) -> None:
    """Everybody comes, in pages of PAGE_SIZE, though the server hands out 1,000 at most at once."""
    with managed(samba, PAGE_SIZE=300) as manager:
        names = [user.username for user in manager.users()]
        assert len(names) == len(set(names))
        assert set(PEOPLE) <= set(names)
        assert len(names) > 2000
        some = manager.users("(sn=Sur1*)", ["sn"])
        assert all(str(user.attributes["sn"]).startswith("Sur1") for user in some)


def test_people_may_be_asked_about_while_others_stream(samba: DomainController) -> None:
    """With one connection only, a loop over people may still ask about each of them."""
    with managed(samba, POOL_SIZE=1, PAGE_SIZE=2) as manager:
        groups = [user.groups() for user in manager.users({"sn": "Lookalike"})]
    assert len(groups) == 3


def test_search_gives_decoded_entries(manager: LDAPManager) -> None:
    """Any object can be searched for, with all its attributes."""
    [entry] = manager.search({"objectClass": "computer", "cn": "DC1"}, ["name", "dNSHostName", "objectSid"])
    assert entry.attributes["name"] == "DC1"
    assert entry.attributes["objectSID"].startswith("S-1-5-21-")
    [base] = manager.search(None, scope="base")
    assert base.dn == "DC=example,DC=local"
    assert "objectGUID" in base.attributes


def test_a_group_in_every_way(manager: LDAPManager) -> None:
    """A group is found by name, cn, SID, GUID and DN, and not by a person's name."""
    group = manager.group("OddGroup")
    for way in ("oddgroup", "Comma, Group (odd) *", group.sid, group.guid, group.dn, "EXAMPLE\\OddGroup"):
        assert manager.group(way) == group
    for wrong in ("alice", "nothing", "Former*", "", "OTHER\\OddGroup"):
        with pytest.raises(GroupNotFound):
            manager.group(wrong)
    assert manager.group("Domain Admins").sid == f"{manager.domain_sid}-512"


def test_ambiguous_group(manager: LDAPManager) -> None:
    """Two groups of one CN, and none whose sAMAccountName it is, are ambiguous."""
    with pytest.raises(AmbiguousGroup) as caught:
        manager.group("Editors")
    assert len(caught.value.dns) == 2


def test_groups_stream(manager: LDAPManager) -> None:
    """All groups, or those that match."""
    assert {group.name for group in manager.groups({"cn": ["Loop A", "Loop B"]})} == {"Loop A", "Loop B"}
    assert len(list(manager.groups())) > 200


def test_all_values_of_a_long_attribute(manager: LDAPManager) -> None:
    """An attribute that the server hands out in ranges of 1,500 is complete."""
    assert len(manager.group("Everyone Big", ["member"]).attributes["member"]) == 1601
