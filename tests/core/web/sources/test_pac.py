"""Reading the PAC: what a domain controller writes comes out, and no bytes whatever do harm."""

from __future__ import annotations

import struct
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.wsgi.tickets import DENY_ONLY, DOMAIN_SID, ENABLED, client_info, logon_info
from wauth_core.web.sources.pac import BadPac, LogonInfo, _Reader, facts_of, read_client_time, read_logon_info

GOOD = logon_info(extra=[("S-1-5-21-7-7-7-1", ENABLED)], resources=[(55, ENABLED)])


def groups(**arguments):
    """The group SIDs of a PAC made of *arguments*, the domain's own ones shortened to their RID."""
    found = read_logon_info(logon_info(**arguments)).group_sids
    return {sid.removeprefix(DOMAIN_SID + "-") for sid in found}


def test_names_and_sids():
    """The user, the domain and the user's SID are the canonical ones."""
    info = read_logon_info(logon_info(username="Zoë.Ünal", domain="EXAMPLE"))
    assert info == LogonInfo("Zoë.Ünal", "EXAMPLE", f"{DOMAIN_SID}-1105", info.group_sids)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param({}, {"513", "1201"}, id="own-domain"),
        pytest.param({"groups": ()}, {"513"}, id="primary-group-always"),
        pytest.param({"groups": ((513, ENABLED), (512, ENABLED | DENY_ONLY))}, {"513"}, id="deny-only"),
        pytest.param({"groups": ((513, ENABLED), (512, 0x3))}, {"513"}, id="not-enabled"),
        pytest.param({"groups": ((513, DENY_ONLY),)}, set(), id="primary-deny-only"),
        pytest.param(
            {"groups": ((512, ENABLED),), "extra": [(f"{DOMAIN_SID}-512", DENY_ONLY)]}, {"513"}, id="denied-in-extra"
        ),
        pytest.param(
            {"extra": [("S-1-5-21-7-7-7-1", ENABLED), ("S-1-18-1", ENABLED)]},
            {"513", "1201", "S-1-5-21-7-7-7-1", "S-1-18-1"},
            id="other-domains",
        ),
        pytest.param({"extra": [("S-1-5-21-7-7-7-1", ENABLED)], "flags": 0}, {"513", "1201"}, id="extra-not-announced"),
        pytest.param(
            {"resources": [(55, ENABLED), (56, DENY_ONLY)]}, {"513", "1201", "S-1-5-21-9-9-9-55"}, id="resource-groups"
        ),
        pytest.param({"resources": [(55, ENABLED)], "flags": 0x20}, {"513", "1201"}, id="resource-not-announced"),
    ],
)
def test_groups_that_count(arguments, expected):
    """Enabled groups of every kind, and never one that is there only to deny."""
    assert groups(**arguments) == expected


def test_a_user_of_rid_zero_has_the_sid_in_the_extra_ones():
    """MS-PAC 2.5: then the first extra SID is the user's, and is no group."""
    info = read_logon_info(logon_info(rid=0, extra=[("S-1-5-21-7-7-7-1000", ENABLED)]))
    assert info.user_sid == "S-1-5-21-7-7-7-1000"
    assert "S-1-5-21-7-7-7-1000" not in info.group_sids


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="empty"),
        pytest.param(GOOD[:-9], id="ends-early"),
        pytest.param(GOOD[:200], id="half"),
        pytest.param(b"\x01\x00" + GOOD[2:], id="big-endian"),
        pytest.param(GOOD[:16] + b"\0\0\0\0" + GOOD[20:], id="null"),
        pytest.param(logon_info(rid=0), id="no-user"),
        pytest.param(logon_info(username=""), id="no-name"),
        pytest.param(logon_info(groups=[(n, ENABLED) for n in range(5000)]), id="too-many-groups"),
        pytest.param(GOOD + b"\0" * 200_000, id="too-long"),
        pytest.param(logon_info(domain_sid="S-1-5" + "-1" * 16), id="too-many-sub-authorities"),
    ],
)
def test_what_is_no_pac_is_one_error(data):
    """Nothing else is raised."""
    with pytest.raises(BadPac):
        read_logon_info(data)


@given(st.binary(max_size=600), st.integers(0, len(GOOD)), st.binary(min_size=1, max_size=8))
@example(b"", 0, GOOD)
def test_no_bytes_do_harm(junk, at, patch):
    """Junk, and a good PAC with a few bytes changed anywhere: a result or `BadPac`."""
    for data in (junk, GOOD[:16] + junk, GOOD[:at] + patch + GOOD[at + len(patch) :]):
        try:
            read_logon_info(data)
        except BadPac:
            continue


def _changed(at, value, data=GOOD):
    """A good PAC with one little-endian number changed."""
    return data[:at] + value.to_bytes(4, "little") + data[at + 4 :]


FIXED = 20  # where KERB_VALIDATION_INFO begins, after the headers of its serialization


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"\x01\x10\x04\x00" + GOOD[4:], "serialized structure", id="header"),
        pytest.param(_changed(16, 0), "null pointer", id="null-pointer"),
        pytest.param(logon_info(domain=""), "no user or no domain", id="no-domain"),
        pytest.param(logon_info(username=""), "no user or no domain", id="no-name"),
        pytest.param(logon_info(rid=0), "no user's SID", id="no-user"),
        pytest.param(_changed(FIXED + 108, 3), "two lengths", id="more-groups-than-there-are"),
        pytest.param(_changed(FIXED + 108, 1), "two lengths", id="fewer-groups-than-there-are"),
        pytest.param(_changed(FIXED + 112, 0), "announced and missing", id="groups-without-a-list"),
        pytest.param(logon_info(groups=[(n, ENABLED) for n in range(4097)]), "too long", id="one-group-too-many"),
        pytest.param(logon_info(domain_sid="S-1-5" + "-1" * 16), "not one", id="sixteen-sub-authorities"),
        pytest.param(GOOD + b"\0" * 200_000, "too long", id="long"),
        pytest.param(GOOD[:-9], "ends early", id="cut"),
    ],
)
def test_each_check_is_the_one_that_refuses(data, says):
    """Every guard by its own words: none stands in for another."""
    with pytest.raises(BadPac, match=says):
        read_logon_info(data)


def test_as_many_groups_as_are_allowed_are_read():
    """4,096, and a SID of fifteen parts."""
    assert len(read_logon_info(logon_info(groups=[(n + 1, ENABLED) for n in range(4096)])).group_sids) >= 4096
    longest = "S-1-5" + "-1" * 15
    assert read_logon_info(logon_info(domain_sid=longest)).user_sid.startswith(longest)


NOON = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("info", "data", "as_of"),
    [
        pytest.param({}, client_info(NOON), NOON - timedelta(minutes=5), id="less-what-clocks-may-differ"),
        pytest.param({}, None, None, id="without-a-time"),
        pytest.param({}, b"\0" * 10, None, id="zero"),
        pytest.param({}, b"\xff" * 10, None, id="beyond-all-times"),
        pytest.param({"extra": [("S-1-18-2", ENABLED)]}, client_info(NOON), None, id="service-asserted"),
    ],
)
def test_how_old_a_ticket_is(info, data, as_of):
    """By PAC_CLIENT_INFO (MS-PAC 2.7); unknown for a ticket that a service got for itself (S4U2Self)."""
    facts = facts_of(read_logon_info(logon_info(**info)), data)
    assert (facts.as_of, facts.complete) == (as_of, False)


@pytest.mark.parametrize("data", [b"", b"\0" * 9])
def test_a_time_that_ends_early_is_no_pac(data):
    """One error, as for the rest."""
    with pytest.raises(BadPac):
        read_client_time(data)


def test_the_longest_pac_is_read():
    """128 KiB, and not a byte more."""
    longest = logon_info() + bytes(128 * 1024 - len(logon_info()))
    assert read_logon_info(longest).username == "alice"
    with pytest.raises(BadPac, match="too long"):
        read_logon_info(longest + b"\0")


def test_other_flags_announce_nothing():
    """Each list has its own bit."""
    assert groups(extra=[("S-1-5-21-7-7-7-1", ENABLED)], flags=~0x20 & 0xFFFFFFFF) == {"513", "1201"}
    assert groups(resources=[(55, ENABLED)], flags=~0x200 & 0xFFFFFFFF) == {"513", "1201"}


def test_groups_are_no_log_line():
    """A thousand of them would be."""
    assert "1201" not in repr(read_logon_info(logon_info()))


def test_any_pointer_but_zero_is_one():
    """Four bytes say so, and not those beside them."""
    for pointer in (b"\1\0\0\0", b"\0\0\0\1"):
        assert read_logon_info(GOOD[:16] + pointer + GOOD[20:]).username == "alice"
    for before, after in ((b"\1", b"\0"), (b"\0", b"\1")):
        with pytest.raises(BadPac, match="null pointer"):
            read_logon_info(GOOD[:15] + before + b"\0\0\0\0" + after + GOOD[21:])


def test_an_authority_of_six_bytes():
    """MS-DTYP 2.4.2.1: most have one."""
    sid = f"S-1-{2**47 + 5}-7"
    assert sid in read_logon_info(logon_info(extra=[(sid, ENABLED)])).group_sids


@pytest.mark.parametrize(
    ("counts", "length", "text"),
    [((2, 0, 2), 4, "ab"), ((2, 1, 2), 4, None), ((2, 0, 2), 2, None), ((2, 0, 1), 4, None)],
)
def test_a_text_has_one_length(counts, length, text):
    """What NDR says and what the string says; it begins at its beginning. One that is not there is empty."""
    reader = _Reader(struct.pack("<III", *counts) + "ab".encode("utf-16-le"), 0)
    if text is not None:
        assert reader.string((length, 1)) == text
    else:
        with pytest.raises(BadPac, match="two lengths"):
            reader.string((length, 1))
    assert _Reader(b"", 0).string((length, 0)) == ""


def test_what_ends_early_says_so():
    """And is not read short."""
    with pytest.raises(BadPac, match="ends early"):
        _Reader(b"ab", 0)._take(3)
