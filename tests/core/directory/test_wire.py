"""LDAP by hand: what is sent equals what ldap3 sends, and what comes back is understood or refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ldap3.operation.bind import bind_operation
from ldap3.operation.search import search_operation
from ldap3.protocol.convert import build_controls_list
from ldap3.protocol.microsoft import dir_sync_control, show_deleted_control
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
    "(cn=\\28x and \\29 9)",
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


@pytest.mark.parametrize(("number", "scope"), [(0, wire.BASE), (1, wire.LEVEL), (2, wire.SUBTREE)])
def test_scopes_are_what_ldap3_sends(number: int, scope: str) -> None:
    """The entry, its children, the whole tree."""
    theirs = search_operation("", "(a=b)", number, 0, ["cn"], 0, 0, False, False, True)
    assert wire.search_request(77, "", scope, "(a=b)", ("cn",)) == by_ldap3("searchRequest", theirs)


@pytest.mark.parametrize("cookie", [b"", b"go on", b"\x00\xff" * 100])
def test_what_changed_is_asked_as_ldap3_asks(cookie: bytes) -> None:
    """A control that the server must know, a megabyte at a time; one without a value beside it."""
    theirs = search_operation("", "(a=b)", 0, 0, ["cn"], 0, 0, False, False, True)
    controls = [wire.dirsync_control(cookie), wire.Control(wire.SHOW_DELETED)]
    ours = wire.search_request(77, "", "base", "(a=b)", ("cn",), controls=controls)
    changed = dir_sync_control(True, False, False, False, False, 2**20, cookie)
    assert ours == by_ldap3("searchRequest", theirs, [changed, show_deleted_control(False)])


def test_pages_and_binds_are_what_ldap3_sends() -> None:
    """So are the control for pages, and a simple bind."""
    theirs = search_operation("", "(a=b)", 0, 0, ["x" * 200], 0, 0, False, False, True)
    ours = wire.search_request(77, "", "base", "(a=b)", ("x" * 200,), controls=[wire.paged_control(500, b"go on")])
    assert ours == by_ldap3("searchRequest", theirs, [paged_search_control(False, 500, b"go on")])
    bind = bind_operation(3, "SIMPLE", "EXAMPLE\\zoë", "pässword".encode())
    assert wire.bind_request(77, "EXAMPLE\\zoë", "pässword".encode()) == by_ldap3("bindRequest", bind)


NO_FILTERS = {
    "is expected at character 0": ["", "cn=a", "cn=a)"],
    "is missing": ["(cn=a", "(&(cn=a", "(!(cn=a"],
    "something follows": ["(cn=a))", "(cn=a)(sn=b)", "(cn=a) "],
    "is expected at character": ["(&(cn=a)", "(&(cn=a)x", "(!(a=b)(c=d))", "(!(a=b)x", "(!x)", "(!"],
    "not a condition": ["((cn=a))", "(cn)", "()", "(=a)", "(cn=a(b)"],
    "two hex digits": ["(cn=\\4)", "(cn=\\)", "(cn=\\zz)", "(cn=\\ 4)", "(cn=\\+4)", "(cn=\\4 )", "(cn=a*\\4*)"],
    "not an attribute's name": ["(c n=a)", "( =a)", "(>=a)", "(cné=a)", "(c,n=*)", "(a b>=1)", "(a:b c:=d)"],
    "left side of an extensible match": ["(a:b:c:=d)", "(:=d)", "(:dn:=d)", "(a:dn:b:c:=d)"],
    "too deeply": ["(&" * 65 + "(a=b)" + ")" * 65, "(!" * 65 + "(a=b)" + ")" * 65, "(&" * 5000],
}


@pytest.mark.parametrize(("reason", "text"), [(reason, text) for reason in NO_FILTERS for text in NO_FILTERS[reason]])
def test_what_is_no_filter_is_refused(reason: str, text: str) -> None:
    """Nothing is guessed, and the error says what is wrong."""
    with pytest.raises(wire.FilterError, match=reason):
        wire.encode_filter(text)


@pytest.mark.parametrize("kind", "&|!")
def test_a_filter_may_be_nested_64_times(kind: str) -> None:
    """One level more is refused, see above."""
    text = f"({kind}" * 64 + "(a=b)" + ")" * 64
    theirs = search_operation("", text, 0, 0, ["cn"], 0, 0, False, False, True)
    assert wire.search_request(77, "", "base", text, ("cn",)) == by_ldap3("searchRequest", theirs)


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


UNUSABLE = {
    "four-gigabytes": "3084ffffffff",
    "one-octet-too-many": "308410000001",
    "five-octets-of-length": "30850000000001",
    "nine-octets-of-length": "3089010101010101010101",
    "indefinite": "3080",
    "tls": "16030100",
    "http": "485454502f",
}


@pytest.mark.parametrize("start", UNUSABLE.values(), ids=UNUSABLE)
def test_unusable_lengths(start: str) -> None:
    """A message that could never be read in whole, or another protocol, is refused at its first octets."""
    with pytest.raises(wire.WireError):
        wire.message_size(bytes.fromhex(start))


@pytest.mark.parametrize(
    ("start", "size"),
    [
        ("", 0),
        ("30", 0),
        ("3000", 2),
        ("307f", 129),
        ("3081", 0),
        ("308180", 131),
        ("30820100", 260),
        ("308201", 0),
        ("308400000001", 7),
        ("308410000000", 6 + 256 * 1024 * 1024),
    ],
)
def test_a_size_is_told_from_the_first_octets(start: str, size: int) -> None:
    """As soon as the length is there, and whatever follows; 256 MiB are the most."""
    assert wire.message_size(bytes.fromhex(start)) == size
    if size:
        assert wire.message_size(bytearray.fromhex(start) + b"\xff\xff") == size


@pytest.mark.parametrize("value", [-1, 0, 1, 127, 128, 129, 200, 255, 256, 32767, 32768, 65535, 65536, 2**31 - 1])
def test_integers_are_those_of_ber(value: int) -> None:
    """The sign has a bit of its own (X.690 8.3): 128 to 255 take two octets."""
    from pyasn1.codec.ber import encoder
    from pyasn1.type.univ import Integer

    assert wire.tlv(0x02, wire.integer(value)) == encoder.encode(Integer(value))


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, "3000"),
        (1, "3001"),
        (127, "307f"),
        (128, "308180"),
        (255, "3081ff"),
        (256, "30820100"),
        (65535, "3082ffff"),
        (65536, "3083010000"),
    ],
)
def test_lengths_are_written_and_read(size: int, head: str) -> None:
    """Short and long form, at the edges, in as few octets as it takes."""
    octets = wire.tlv(0x30, b"x" * size)
    assert octets == bytes.fromhex(head) + b"x" * size
    assert wire.message_size(octets) == len(octets)
    long = wire.message(7, wire.tlv(wire.ENTRY, wire.tlv(0x04, b"x" * size) + wire.tlv(0x30, b"")), ())
    number, tag, content, controls = wire.read_message(long)
    assert (number, tag, wire.read_entry(content).dn, controls) == (7, wire.ENTRY, "x" * size, b"")


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


def test_what_changed_goes_on_from_the_cookie() -> None:
    """The first number says whether there is more; the cookie comes last."""
    for flag, more in ((0, False), (1, True)):
        control = wire.dirsync_control(b"go on", flags=flag, size=0).value
        assert control is not None
        assert wire.dirsync_cookie(wire.Result(0, "", "", {wire.DIRSYNC: control})) == (more, b"go on")


def test_the_controls_of_an_answer() -> None:
    """With and without a value, critical or not."""
    sent = [
        wire.Control("1.1", b"one"),
        wire.Control("1.2", b"two", critical=True),
        wire.Control("1.3"),
        wire.Control("1.4", critical=True),
    ]
    _, tag, content, controls = wire.read_message(wire.message(2, DONE[5:], sent))
    assert tag == wire.DONE
    result = wire.read_result(content, controls)
    assert result.controls == {"1.1": b"one", "1.2": b"two", "1.3": b"", "1.4": b""}
    assert wire.read_result(content) == wire.Result(0, "", "", {})


def test_the_texts_of_an_answer() -> None:
    """AD ends its message with a NUL; what is no UTF-8 is shown as far as it goes."""
    content = wire.tlv(0x0A, b"\x31") + wire.tlv(0x04, b"DC=x") + wire.tlv(0x04, b"80090308: \xff, data 52e\x00")
    assert wire.read_result(content) == wire.Result(49, "DC=x", "80090308: \ufffd, data 52e")


def test_the_tags_of_answers() -> None:
    """[APPLICATION n], constructed (RFC 4511 4.1.1, 4.5.2, 4.12)."""
    tags = [wire.BIND_RESPONSE, wire.ENTRY, wire.DONE, wire.REFERENCE, wire.EXTENDED_RESPONSE]
    assert [tag - 0x60 for tag in tags] == [1, 4, 5, 19, 24]


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


@pytest.mark.parametrize(
    "operation",
    [
        pytest.param(b"\x65\x80", id="no-length"),
        pytest.param(b"\x65\x80" + b"\x00" * 128, id="no-length-and-128-octets"),
        pytest.param(b"\x65\x82\x00", id="length-cut"),
        pytest.param(b"\x65", id="tag-alone"),
        pytest.param(b"\x65\x01", id="content-missing"),
        pytest.param(b"", id="no-operation"),
    ],
)
def test_an_operation_whose_length_lies_is_refused(operation: bytes) -> None:
    """Even before anybody reads what is in it."""
    with pytest.raises(wire.WireError):
        wire.read_message(wire.tlv(0x30, b"\x02\x01\x02" + operation))
