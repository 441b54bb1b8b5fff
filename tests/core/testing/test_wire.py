"""The wire: whatever comes in, the server answers or hangs up, and stays well."""

from __future__ import annotations

import socket

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wauth_core.testing import EmbeddedDirectory
from wauth_core.testing.embedded import ber, distinguished_names, filter_syntax, messages
from wauth_core.testing.embedded.conversation import Conversation
from wauth_core.testing.embedded.log import OperationLog
from wauth_core.testing.embedded.reading import SearchLimits

BASE = "DC=example,DC=local"


@given(st.binary(max_size=300))
def test_junk_is_ber_or_a_bererror(data):
    """No bytes lead to any other error."""
    try:
        message = messages.read_message(data)
    except ber.BerError:
        return
    assert message.id is not None


@given(st.text(min_size=1).filter(lambda text: "\x00" not in text))
def test_a_name_survives_its_escaping(value):
    """What is written into a DN is read out of it again, unless it is nothing but spaces."""
    dn = f"CN={distinguished_names.escape(value)},OU=Staff,{BASE}"
    [first, second, *_] = distinguished_names.parse_dn(dn)
    assert first == ("CN", value)
    assert second == ("OU", "Staff")


@given(st.integers(min_value=-(2**63), max_value=2**63 - 1))
def test_numbers_survive(number):
    """Integers of 64 bits are written and read the same."""
    assert ber.Cursor(ber.integer(number)).integer() == number


@given(st.binary(max_size=5000))
def test_octets_survive(value):
    """Octet strings of any length are written and read the same."""
    encoded = ber.octets(value)
    assert ber.whole_length(encoded) == len(encoded)
    assert ber.Cursor(encoded).take(ber.OCTETS) == value


def test_a_filter_too_deep_is_refused():
    """A thousand nots are no reason to fall over."""
    nested = ber.tlv(0x87, b"cn")
    for _ in range(1000):
        nested = ber.tlv(0xA2, nested)
    with pytest.raises(ber.BerError, match="deeply"):
        filter_syntax.read_filter(ber.Cursor(nested))


@pytest.mark.parametrize(
    "dn",
    ["CN", "=x", "CN=a,", "CN=a,,DC=b", 'CN="a', "CN=a+OU=b", "CN=a\\", "CN=<a>", "CN=\\ff,DC=b", ",", "CN=a;;DC=b"],
)
def test_what_is_no_name(dn):
    """Broken names are told from others."""
    with pytest.raises(distinguished_names.BadName):
        distinguished_names.parse_dn(dn)


TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            BASE,
            f"CN=Alice Liddell,OU=Management,OU=Staff,{BASE}",
            f"CN=Users,{BASE}",
            "<GUID=00>",
            "<SID=S-1-5-32-544>",
            "EXAMPLE\\alice",
            "alice@example.local",
            "<WKGUID=x>",
            f"CN=Web Admins,OU=Roles,OU=Groups,{BASE}",
            "garbage",
        ]
    ),
    st.text(max_size=12),
)
ATTRIBUTES = st.one_of(
    st.sampled_from(
        [
            "cn",
            "member",
            "memberOf",
            "objectClass",
            "objectSid",
            "objectGUID",
            "sAMAccountName",
            "userAccountControl",
            "title",
            "unicodePwd",
            "primaryGroupID",
            "lockoutTime",
            "pwdLastSet",
            "accountExpires",
            "groupType",
            "manager",
            "tokenGroups",
            "member;range=0-*",
            "canonicalName",
            "objectCategory",
            "whenChanged",
            "nonsense",
            "anr",
            "*",
            "1.1",
            "userPrincipalName",
            "lockoutDuration",
        ]
    ),
    st.text(max_size=5),
)
VALUES = st.one_of(
    st.sampled_from(
        [b"512", b"-1", b"0", b"TRUE", b"x", b"", b"20200101000000.0Z", b"99999999999999999999", b"abc\xff"]
    ),
    TEXTS.map(str.encode),
    st.binary(max_size=30),
)
MATCHES = st.one_of(
    st.builds(filter_syntax.Compare, ATTRIBUTES, st.sampled_from(["=", ">=", "<=", "~="]), VALUES),
    st.builds(filter_syntax.Present, ATTRIBUTES),
    st.builds(
        filter_syntax.Substrings,
        ATTRIBUTES,
        st.none() | VALUES,
        st.lists(VALUES, max_size=2).map(tuple),
        st.none() | VALUES,
    ),
    st.builds(
        filter_syntax.Extensible,
        ATTRIBUTES,
        st.sampled_from(["", "1.2.3"] + [f"1.2.840.113556.1.4.{rule}" for rule in (803, 804, 1941)]),
        VALUES,
        st.booleans(),
    ),
)
FILTERS = st.recursive(
    MATCHES,
    lambda part: st.one_of(
        st.lists(part, max_size=3).map(lambda parts: filter_syntax.And(tuple(parts))),
        st.lists(part, max_size=3).map(lambda parts: filter_syntax.Or(tuple(parts))),
        st.builds(filter_syntax.Not, part),
    ),
    max_leaves=6,
)
LISTS = st.lists(VALUES, max_size=3).map(tuple)
REQUESTS = st.one_of(
    st.builds(
        messages.SearchRequest,
        TEXTS,
        st.integers(0, 3),
        st.integers(0, 5),
        st.just(0),
        st.booleans(),
        FILTERS,
        st.lists(ATTRIBUTES, max_size=4).map(tuple),
    ),
    st.builds(
        messages.ModifyRequest,
        TEXTS,
        st.lists(st.builds(messages.Modification, st.integers(0, 3), ATTRIBUTES, LISTS), max_size=3).map(tuple),
    ),
    st.builds(
        messages.AddRequest,
        st.one_of(TEXTS, st.text("abc", min_size=1).map(lambda name: f"CN={name},CN=Users,{BASE}")),
        st.lists(
            st.one_of(
                st.tuples(ATTRIBUTES, LISTS),
                st.sampled_from(
                    [("objectClass", (b"user",)), ("objectClass", (b"group",)), ("objectClass", (b"top",))]
                ),
            ),
            max_size=4,
        ).map(tuple),
    ),
    st.builds(messages.DeleteRequest, TEXTS),
    st.builds(messages.ModifyDNRequest, TEXTS, TEXTS, st.booleans(), st.none() | TEXTS),
    st.builds(messages.CompareRequest, TEXTS, ATTRIBUTES, VALUES),
    st.builds(messages.BindRequest, st.just(3), TEXTS, st.sampled_from(["simple", "GSSAPI", "sicily"]), VALUES),
    st.builds(messages.ExtendedRequest, TEXTS, st.none() | VALUES),
)
CONTROLS = st.lists(
    st.builds(
        messages.MessageControl,
        st.sampled_from(
            ["1.2.3"] + [f"1.2.840.113556.1.4.{n}" for n in (319, 417, 473, 529, 805, 841, 1339, 1340, 1413)]
        ),
        st.booleans(),
        st.one_of(st.none(), VALUES, st.just(ber.tlv(0x30, ber.integer(2) + ber.octets(b"")))),
    ),
    max_size=2,
).map(tuple)


@pytest.fixture(scope="module")
def session():
    """An administrator's conversation, without a socket."""
    with EmbeddedDirectory(seed=1) as directory:
        domain = directory._domain
        made = Conversation(1, domain, directory.faults, OperationLog(), SearchLimits(), secure=True)
        yield made


@settings(max_examples=300, deadline=None)
@given(request=REQUESTS, controls=CONTROLS)
def test_no_request_makes_the_server_fail(session, request, controls):
    """Whatever is asked, by an administrator at that, gets an answer of LDAP's; never "the directory failed"."""
    session.who = session.domain.find("Administrator")
    answer = session.answer(messages.Message(1, request, controls))
    assert b"its log says why" not in b"".join(answer.chunks)
    assert answer.chunks


def test_a_failure_of_the_server_is_an_answer(session, monkeypatch, caplog):
    """A bug of ours is logged and answered with `other`; the next request is served."""
    session.who = session.domain.find("Administrator")
    request = messages.CompareRequest(BASE, "cn", b"x")
    with monkeypatch.context() as patched:
        patched.setattr(session.writer, "compare", lambda request: 1 / 0)
        assert session.answer(messages.Message(1, request)).code == 80
    assert "ZeroDivisionError" in caplog.text
    assert session.answer(messages.Message(2, request)).code != 80


def test_an_abandoned_search_disturbs_nobody():
    """An abandon is not answered; what comes after it is."""
    with (
        EmbeddedDirectory({"users": {"alice": {}}}) as directory,
        socket.create_connection((directory.host, directory.port), 5) as client,
    ):
        search = ber.octets(b"") + ber.integer(0, 10) * 2 + ber.integer(0) * 2 + ber.boolean(False)
        search = ber.tlv(0x63, search + ber.tlv(0x87, b"objectClass") + b"\x30\x00")
        abandon = ber.integer(1, 0x50)
        for number, operation in ((1, search), (2, abandon), (3, search)):
            client.sendall(ber.tlv(0x30, ber.integer(number) + operation))
        answers = b""
        while len(directory.operations) < 3 or b"\x02\x01\x03\x65" not in answers:
            answers += client.recv(65536)
        assert b"\x30\x0c\x02\x01\x02" not in answers
        assert [operation.op for operation in directory.operations] == ["search", "abandon", "search"]
