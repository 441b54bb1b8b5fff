"""LDAP by hand: what is sent equals what ldap3 sends, and what comes back is understood or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.bind import bind_operation
from ldap3.operation.search import search_operation
from ldap3.protocol.convert import build_controls_list
from ldap3.protocol.rfc2696 import paged_search_control
from ldap3.protocol.rfc4511 import LDAPMessage, MessageID, ProtocolOp
from ldap3.utils.asn1 import encode

from wauth_core.directory import filters, wire

FILTERS = [
    "(objectClass=*)",
    "(cn=alice)",
    "(cn=)",
    "(&(cn=a)(sn=b))",
    "(|(cn=a)(!(sn=b))(&(a=1)(b=2)))",
    "(cn=a*)",
    "(cn=*a)",
    "(cn=a*b*c)",
    "(cn=*a*)",
    "(a>=5)",
    "(a<=5)",
    "(a~=x)",
    "(member:1.2.840.113556.1.4.1941:=CN=x,DC=y)",
    "(ou:dn:=x)",
    "(ou:dn:1.2:=x)",
    "(:1.2:=x)",
    "(cn=\\28\\29\\2a\\5c\\00)",
    "(cn=Zoë)",
    "(a;binary=x)",
]


def by_ldap3(kind: str, request: object, controls: list[object] | None = None) -> bytes:
    """The same message, as ldap3 encodes it."""
    message = LDAPMessage()
    message["messageID"] = MessageID(77)
    message["protocolOp"] = ProtocolOp().setComponentByName(kind, request)
    if controls:
        message["controls"] = build_controls_list(controls)
    return bytes(encode(message))


@pytest.mark.parametrize("text", FILTERS)
def test_a_search_is_what_ldap3_sends(text: str) -> None:
    """Octet for octet, for every kind of filter."""
    theirs = search_operation("dc=ex,dc=local", text, 2, 0, ["cn", "sn"], 5, 7, False, False, True)
    ours = wire.search_request(77, "dc=ex,dc=local", "subtree", text, ("cn", "sn"), size_limit=5, time_limit=7)
    assert ours == by_ldap3("searchRequest", theirs)


def test_pages_and_binds_are_what_ldap3_sends() -> None:
    """So are the control for pages, and a simple bind."""
    theirs = search_operation("", "(a=b)", 0, 0, ["x" * 200], 0, 0, False, False, True)
    ours = wire.search_request(77, "", "base", "(a=b)", ("x" * 200,), controls=[wire.paged_control(500, b"go on")])
    assert ours == by_ldap3("searchRequest", theirs, [paged_search_control(False, 500, b"go on")])
    bind = bind_operation(3, "SIMPLE", "EXAMPLE\\zoë", "pässword".encode())
    assert wire.bind_request(77, "EXAMPLE\\zoë", "pässword".encode()) == by_ldap3("bindRequest", bind)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "cn=a",
        "(cn=a",
        "cn=a)",
        "((cn=a))",
        "(cn=a))",
        "(cn)",
        "(=a)",
        "(&(cn=a)",
        "(!(a=b)(c=d))",
        "(cn=a(b)",
        "(cn=\\4)",
        "(cn=\\zz)",
        "(cn=\\ 4)",
        "(cn=\\+4)",
        "(c n=a)",
        "(cné=a)",
        "(a:b:c:=d)",
        "(:=d)",
        "(cn=a)(sn=b)",
        "(&" * 100 + "(a=b)" + ")" * 100,
    ],
)
def test_what_is_no_filter_is_refused(text: str) -> None:
    """Nothing is guessed."""
    with pytest.raises(wire.FilterError):
        wire.encode_filter(text)


@given(st.one_of(st.text(), st.binary()))
def test_an_escaped_value_is_the_value(value: str | bytes) -> None:
    """Whatever is escaped goes over the wire as its octets, in one condition."""
    octets = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    assert wire.encode_filter(filters.equals("cn", value)) == wire.tlv(
        0xA3, wire.tlv(0x04, b"cn") + wire.tlv(0x04, octets)
    )


def test_a_guid_with_a_backslash_octet() -> None:
    """The GUID that ldap3 encodes wrongly in a filter is encoded rightly."""
    guid = bytes.fromhex("19afeebabdcefaa33a4e005c3161c7b9")
    assert guid in wire.encode_filter(filters.equals("objectGUID", guid))


ENTRY = bytes.fromhex(
    "3025020102642004046463 3d78301830160402636e31100405616c69636504076c696464656c6c".replace(" ", "")
)
DONE = bytes.fromhex("300c02010265070a010004000400")


def test_answers_are_read() -> None:
    """An entry and the end of a search."""
    number, tag, content, _ = wire.read_message(ENTRY)
    assert (number, tag) == (2, wire.ENTRY)
    assert wire.read_entry(content) == wire.RawEntry("dc=x", {"cn": [b"alice", b"liddell"]})
    _, tag, content, _ = wire.read_message(DONE)
    assert (tag, wire.read_result(content).code) == (wire.DONE, 0)


@given(st.binary(max_size=60), st.sampled_from([ENTRY, DONE]), st.integers(0, 40))
def test_rubbish_is_refused_in_one_way(rubbish: bytes, message: bytes, at: int) -> None:
    """Broken octets are a WireError, whatever they are."""
    for octets in (rubbish, message[:at] + rubbish + message[at:], message[:at]):
        try:
            wire.message_size(octets)
            _, tag, content, controls = wire.read_message(octets)
            wire.read_entry(content) if tag == wire.ENTRY else wire.read_result(content, controls)
        except wire.WireError:
            pass


@pytest.mark.parametrize("start", ["3084ffffffff", "3089010101010101010101", "3080", "16030100", "485454502f"])
def test_unusable_lengths(start: str) -> None:
    """A message that could never be read in whole, or another protocol, is refused at its first octets."""
    with pytest.raises(wire.WireError):
        wire.message_size(bytes.fromhex(start))
    assert wire.message_size(b"") == wire.message_size(b"\x30") == wire.message_size(b"\x30\x82\x01") == 0


@pytest.mark.parametrize("value", [0, 1, 127, 128, 129, 200, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1])
def test_integers_are_those_of_ber(value: int) -> None:
    """The sign has a bit of its own (X.690 8.3): 128 to 255 take two octets."""
    from pyasn1.codec.ber import encoder
    from pyasn1.type.univ import Integer

    assert wire.tlv(0x02, wire.integer(value)) == encoder.encode(Integer(value))


@pytest.mark.parametrize("size", [0, 1, 127, 128, 255, 256, 65535, 65536])
def test_lengths_are_written_and_read(size: int) -> None:
    """Short and long form, at the edges; a message is complete when its last octet is there."""
    octets = wire.tlv(0x30, b"x" * size)
    assert wire.message_size(octets) == len(octets)
    assert wire.message_size(octets[:6]) in (0, len(octets))


def test_a_size_of_200_is_what_ldap3_sends() -> None:
    """A page of a size whose highest bit is set."""
    theirs = search_operation("", "(a=b)", 0, 0, ["cn"], 0, 0, False, False, True)
    ours = wire.search_request(77, "", "base", "(a=b)", ("cn",), controls=[wire.paged_control(200, b"")])
    assert ours == by_ldap3("searchRequest", theirs, [paged_search_control(False, 200, b"")])


def test_the_next_page_goes_on_from_the_cookie() -> None:
    """The cookie of a page, whatever it holds; none after the last page, or without the control."""
    for cookie in (b"", b"go on", b"\x00\xff" * 100):
        control = wire.paged_control(0, cookie).value
        assert control is not None
        assert wire.page_cookie(wire.Result(0, "", "", {wire.PAGED: control})) == cookie
    assert wire.page_cookie(wire.Result(0, "", "", {})) == b""


@pytest.mark.parametrize("value", ["", "30", "3000", "3003020100", "04020100", "30060201000400ff"])
def test_a_control_that_lies_is_refused(value: str) -> None:
    """Too short, not a sequence, one element, or lengths that do not add up."""
    control = bytes.fromhex(value)
    with pytest.raises(wire.WireError):
        wire.dirsync_cookie(wire.Result(0, "", "", {wire.DIRSYNC: control}))
    if control:
        with pytest.raises(wire.WireError):
            wire.page_cookie(wire.Result(0, "", "", {wire.PAGED: control}))


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param("300c02010265070a0100040004", id="cut"),
        pytest.param("300c02010265080a010004000400", id="inner-too-long"),
        pytest.param("300c02010265060a010004000400", id="inner-too-short"),
        pytest.param("300c02010265800a010004000400", id="indefinite"),
        pytest.param("300c020102658107", id="long-form-cut"),
        pytest.param("300c02010265070a010004800400", id="indefinite-text"),
    ],
)
def test_lengths_that_lie_are_refused(octets: str) -> None:
    """Inner lengths must fill the outer ones exactly."""

    def read() -> wire.Result:
        _, _, content, controls = wire.read_message(bytes.fromhex(octets))
        return wire.read_result(content, controls)

    with pytest.raises(wire.WireError):
        read()
