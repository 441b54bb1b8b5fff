"""The embedded directory and a real AD (Samba) are asked the same, and must answer the same: searches.

Where Samba is known to differ from Windows, the embedded directory follows Windows, and
`DirectoryUnderTest.expects` says both.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid

import ldap3
import pytest
from ldap3.utils.dn import parse_dn

from tests.contract.directories import PAGED, SHOW_DELETED, DirectoryUnderTest
from wauth_core.testing.embedded import ber

IN_CHAIN = "1.2.840.113556.1.4.1941"
BASE = "DC=example,DC=local"
ALICE = f"CN=alice,OU=Staff,{BASE}"
PEOPLE = "(&(objectCategory=person)(objectClass=user)(sAMAccountName=user0*))"

FILTERS = {
    "name, any case": ("(sAMAccountName=ALICE)", {"alice"}),
    "attribute, any case": ("(samaccountNAME=alice)", {"alice"}),
    "umlauts": ("(sAMAccountName=zoë.ÜNAL)", {"Zoë.Ünal"}),
    "escaped umlauts": (r"(sAMAccountName=zo\c3\ab.\c3\bcnal)", {"Zoë.Ünal"}),
    "initial": ("(sAMAccountName=alic*)", {"alice", "alice2", "alic"}),
    "middle": ("(&(sAMAccountName=*lic*)(objectClass=user))", {"alice", "alice2", "alic"}),
    "final": ("(sAMAccountName=*.deep)", {"dora.deep"}),
    "pieces in order": ("(sAMAccountName=d*ra.d*p)", {"dora.deep"}),
    "pieces out of order": ("(sAMAccountName=p*ra.d*d)", set()),
    "an escaped star is a letter": (r"(cn=\2a)", {"cn.star"}),
    "parentheses": (r"(sAMAccountName=a\28b\29c&d)", {"a(b)c&d"}),
    "backslashes": (r"(cn=Back\5cSlash\5c)", {"cn.backslash"}),
    "and": ("(&(givenName=Alice)(sn=Liddell)(mail=alice2@*))", {"alice2"}),
    "or": ("(|(sAMAccountName=alic)(sAMAccountName=bob))", {"alic", "bob"}),
    "not": ("(&(sAMAccountName=alic*)(!(mail=*)))", {"alic"}),
    "unknown attribute": ("(nonsense=x)", set()),
    "or with an unknown attribute": ("(|(nonsense=x)(sAMAccountName=alice))", {"alice"}),
    "and with an unknown attribute": ("(&(nonsense=x)(sAMAccountName=alice))", set()),
    "category by class name": ("(&(objectCategory=person)(sAMAccountName=alice))", {"alice"}),
    "category tells computers apart": ("(&(objectCategory=person)(sAMAccountName=WS01$))", set()),
    "class holds computers": ("(&(objectClass=user)(sAMAccountName=WS01$))", {"WS01$"}),
    "disabled, rule 803": (
        "(&(userAccountControl:1.2.840.113556.1.4.803:=2)(sAMAccountName=disabled.*))",
        {"disabled.dan"},
    ),
    "any bit, rule 804": (
        "(&(userAccountControl:1.2.840.113556.1.4.804:=18)(sAMAccountName=disabled.*))",
        {"disabled.dan"},
    ),
    "security groups": (
        "(&(groupType:1.2.840.113556.1.4.803:=2147483648)(cn=Domain Admins))",
        {"Domain Admins", "DomainAdminsTwin"},
    ),
    "memberOf": (f"(memberOf=CN=Nested L2,OU=Staff,{BASE})", {"alice"}),
    "memberOf does not nest": (f"(memberOf=CN=Nested L1,OU=Staff,{BASE})", {"Nested L2"}),
    "memberOf in chain": (f"(memberOf:{IN_CHAIN}:=CN=Web Admins,OU=Staff,{BASE})", {"Nested L1", "Nested L2", "alice"}),
    "member": (f"(&(member={ALICE})(cn=Nested*))", {"Nested L2"}),
    "member in chain": (
        f"(&(member:{IN_CHAIN}:={ALICE})(!(cn=Denied*)))",
        {"Nested L2", "Nested L1", "Web Admins", "Domain Admins", "Administrators"},
    ),
    "a cycle in chain": (f"(member:{IN_CHAIN}:=CN=Loop A,OU=Staff,{BASE})", {"Loop A", "Loop B"}),
    "member of another spelling": ("(member=cn=ALICE, ou=staff,dc=EXAMPLE,dc=local)", {"Nested L2"}),
    "member nobody": (f"(member=CN=nobody,{BASE})", set()),
    "no substrings of a DN": ("(memberOf=*L2*)", set()),
    "distinguishedName": (f"(distinguishedName={ALICE})", {"alice"}),
    "objectSid as text": ("(objectSid=S-1-5-32-544)", {"Administrators"}),
    "objectSid as bytes": (r"(objectSid=\01\02\00\00\00\00\00\05\20\00\00\00\20\02\00\00)", {"Administrators"}),
    "a number that is none": ("(userAccountControl=abc)", set()),
    "since for ever": ("(&(whenCreated>=20000101000000.0Z)(sAMAccountName=alice))", {"alice"}),
    "before long ago": ("(whenCreated<=20000101000000.0Z)", set()),
    "rule left out": ("(sAMAccountName:=alice)", {"alice"}),
    "unknown rule": ("(sAMAccountName:1.2.3.4:=alice)", set()),
    "ambiguous name resolution": ("(&(anr=alice lid)(objectClass=user))", {"alice", "alice2"}),
    "ambiguous name, reversed": ("(&(anr=liddell alice)(objectClass=user))", {"alice", "alice2"}),
    "computed attribute": ("(tokenGroups=*)", set()),
    "password": ("(unicodePwd=*)", set()),
    "deleted ones are hidden": ("(isDeleted=TRUE)", set()),
}


@pytest.mark.parametrize(("query", "expected"), FILTERS.values(), ids=list(FILTERS))
def test_a_filter_finds_the_same(directory: DirectoryUnderTest, query, expected):
    """Every kind of filter finds the same people and groups."""
    answer = directory.search(query=query, attributes=["sAMAccountName"])
    assert (answer.code, answer.names()) == (0, expected)


def test_texts_are_compared_as_windows_does(directory: DirectoryUnderTest):
    """Windows overlooks accents (MS-ADTS 3.1.1.2.2.4.13); Samba heeds them."""
    found = directory.search(query="(sAMAccountName=zoe.unal)", attributes=["sAMAccountName"]).names()
    assert found == directory.expects(windows={"Zoë.Ünal"}, samba=set())


def test_not_of_something_unknown(directory: DirectoryUnderTest):
    """What cannot be told is neither true nor false (RFC 4511 4.5.1.7); Samba takes it for false."""
    answer = directory.search(query="(&(!(nonsense=x))(sAMAccountName=alice))")
    assert len(answer.entries) == directory.expects(windows=0, samba=1)


@pytest.mark.parametrize(
    ("base", "scope", "code"),
    [
        (f"CN=nobody,{BASE}", "BASE", 32),
        (f"CN=nobody,OU=Staff,{BASE}", "SUBTREE", 32),
        ("garbage", "BASE", 34),
        (f"CN=,{BASE}", "BASE", 34),
        ("<GUID=00000000000000000000000000000001>", "BASE", 32),
        ("<GUID=xyz>", "BASE", 34),
        ("", "SUBTREE", 32),
        (ALICE.lower(), "BASE", 0),
        (ALICE.replace(",", ", "), "BASE", 0),
        (ALICE.replace("alice", r"\61lice"), "BASE", 0),
        ("<SID=S-1-5-32-544>", "BASE", 0),
        (f"<WKGUID=a9d1ca15768811d1aded00c04fd8d5cd,{BASE}>", "BASE", 0),
    ],
)
def test_a_base_is_read_the_same(directory: DirectoryUnderTest, base, scope, code):
    """Spellings of a DN, GUIDs, SIDs and well-known GUIDs as a base; and what is none."""
    connection = directory.connect(check_names=False)
    assert directory.search(base, scope=scope, connection=connection).code == code


def test_an_entry_by_its_guid(directory: DirectoryUnderTest):
    """A GUID names its entry, as hexadecimal bytes and as people write it."""
    raw = directory.guid("alice")
    for text in (raw.hex(), str(uuid.UUID(bytes_le=raw))):
        answer = directory.search(f"<GUID={text}>", scope="BASE", attributes=["cn"])
        assert answer.dns == {ALICE}


def test_awkward_names_come_back_whole(directory: DirectoryUnderTest):
    """A DN out of an answer, put into a request, finds its entry; parsed, it is the same everywhere."""
    awkward = ("cn.star", "cn.quotes", "cn.hash", "cn.spaces", "cn.backslash", "cn.long", "OddGroup", "a(b)c&d")
    for sam in awkward:
        answer = directory.search(directory.dn(sam), scope="BASE", attributes=["sAMAccountName", "cn"])
        assert answer.names() == {sam}
    cns = {
        "cn.star": "*",
        "cn.quotes": 'Quo "Tess" <qt>; #1 + 2 = 3, half / whole',
        "cn.hash": "#hash first",
        "cn.spaces": " Space  Around ",
        "OddGroup": "Comma, Group (odd) *",
    }
    for sam, cn in cns.items():
        assert directory.search(directory.dn(sam), scope="BASE", attributes=["cn"]).one["cn"] == [cn.encode()]
    assert parse_dn(directory.dn("OddGroup"))[0][:2] == ("CN", r"Comma\, Group (odd) *")


def test_scopes(directory: DirectoryUnderTest):
    """BASE is the entry, LEVEL its children, SUBTREE all below."""
    query = "(objectClass=organizationalUnit)"
    deeper = f"OU=Deeper,{directory.staff}"
    assert directory.search(directory.staff, query, "BASE").dns == {directory.staff}
    assert directory.search(directory.staff, query, "LEVEL").dns >= {deeper}
    assert directory.staff not in directory.search(directory.staff, query, "LEVEL").dns
    assert directory.search(directory.staff, query, "SUBTREE").dns >= {deeper, directory.staff}


def test_references_to_other_naming_contexts(directory: DirectoryUnderTest):
    """A search below the domain's root names the contexts it left out, unless the domain-scope control forbids."""
    query = "(sAMAccountName=alice)"
    references = directory.search(query=query).references
    assert any("CN=Configuration" in url for url in references)
    assert directory.search(directory.staff, query).references == []
    scoped = [("1.2.840.113556.1.4.1339", True, None)]
    assert directory.search(query=query, controls=scoped).references == []


def test_the_root_dse_is_for_everybody(directory: DirectoryUnderTest):
    """Anybody may read what a client must know to begin with, and nothing else."""
    nobody = directory.connect(anonymous=True)
    answer = directory.search("", scope="BASE", connection=nobody, attributes=["*", "+"])
    root = answer.one
    assert root["defaultNamingContext"] == [BASE.encode()]
    assert root["configurationNamingContext"] == [f"CN=Configuration,{BASE}".encode()]
    assert root["schemaNamingContext"] == [f"CN=Schema,CN=Configuration,{BASE}".encode()]
    assert b"1.2.840.113556.1.4.800" in root["supportedCapabilities"]
    for control in (PAGED, "1.2.840.113556.1.4.841", "1.2.840.113556.1.4.529", SHOW_DELETED):
        assert control.encode() in root["supportedControl"]
    assert root["dnsHostName"] == [b"dc1.example.local"]
    assert int(root["highestCommittedUSN"][0]) > 0
    for base in (BASE, ALICE, f"CN=Aggregate,CN=Schema,CN=Configuration,{BASE}"):
        assert directory.search(base, scope="BASE", connection=nobody).code == 1


VALUES = {
    ("alice", "objectClass"): [b"top", b"person", b"organizationalPerson", b"user"],
    ("WS01$", "objectClass"): [b"top", b"person", b"organizationalPerson", b"user", b"computer"],
    ("Web Admins", "objectClass"): [b"top", b"group"],
    ("alice", "objectCategory"): [f"CN=Person,CN=Schema,CN=Configuration,{BASE}".encode()],
    ("WS01$", "objectCategory"): [f"CN=Computer,CN=Schema,CN=Configuration,{BASE}".encode()],
    ("alice", "sAMAccountType"): [b"805306368"],
    ("WS01$", "sAMAccountType"): [b"805306369"],
    ("Web Admins", "sAMAccountType"): [b"268435456"],
    ("DomainAdminsList", "sAMAccountType"): [b"268435457"],
    ("Administrators", "sAMAccountType"): [b"536870912"],
    ("Web Admins", "groupType"): [b"-2147483646"],
    ("DomainAdminsList", "groupType"): [b"2"],
    ("Administrators", "groupType"): [b"-2147483643"],
    ("alice", "userAccountControl"): [b"512"],
    ("disabled.dan", "userAccountControl"): [b"514"],
    ("WS01$", "userAccountControl"): [b"4096"],
    ("alice", "primaryGroupID"): [b"513"],
    ("WS01$", "primaryGroupID"): [b"515"],
    ("alice", "accountExpires"): [b"9223372036854775807"],
    ("expired.eve", "accountExpires"): [b"132223104000000000"],
    ("alice", "lockoutTime"): None,
    ("mustchange.mia", "pwdLastSet"): [b"0"],
    ("alice", "msDS-User-Account-Control-Computed"): [b"0"],
    ("locked.lou", "msDS-User-Account-Control-Computed"): [b"16"],
    ("mustchange.mia", "msDS-User-Account-Control-Computed"): [b"8388608"],
    ("alice", "canonicalName"): [b"example.local/Staff/alice"],
    ("WS01$", "canonicalName"): [b"example.local/Computers/WS01"],
    ("alice", "distinguishedName"): [ALICE.encode()],
    ("alice", "name"): [b"alice"],
    ("ursula", "userPrincipalName"): [b"U.Upper@corp.example"],
    ("alice", "instanceType"): [b"4"],
    ("alice", "memberOf"): [f"CN=Nested L2,OU=Staff,{BASE}".encode()],
    ("primary.pete", "memberOf"): [f"CN=Domain Users,CN=Users,{BASE}".encode()],
    ("Domain Admins", "primaryGroupToken"): [b"512"],
    ("alice", "unicodePwd"): None,
    ("alice", "nonsense"): None,
}


@pytest.mark.parametrize(("sam", "attribute"), list(VALUES), ids=lambda value: value)
def test_a_value_is_the_same(directory: DirectoryUnderTest, sam, attribute):
    """Attributes of people, groups and computers hold the same values."""
    found = directory.search(directory.dn(sam), scope="BASE", attributes=[attribute]).one
    assert found.get(attribute) == VALUES[sam, attribute]


def test_well_known_sids(directory: DirectoryUnderTest):
    """Accounts of every domain have the RIDs of every domain, and built-in groups their own SIDs."""
    expected = {"Administrator": 500, "Guest": 501, "krbtgt": 502, "Domain Admins": 512, "Domain Users": 513}
    domain = directory.search(scope="BASE", attributes=["objectSid"]).one["objectSid"][0]
    for sam, rid in expected.items():
        sid = directory.search(directory.dn(sam), scope="BASE", attributes=["objectSid"]).one["objectSid"][0]
        assert sid[8:] == domain[8:] + rid.to_bytes(4, "little")
        assert sid[1] == 5
    assert directory.search("<SID=S-1-5-32-545>", scope="BASE", attributes=["cn"]).one["cn"] == [b"Users"]


def test_everything_and_nothing(directory: DirectoryUnderTest):
    """``*`` leaves computed attributes out, ``1.1`` sends none, OIDs are names too."""

    def names(*attributes: str) -> set[str]:
        return set(directory.search(ALICE, scope="BASE", attributes=list(attributes)).one)

    every = names("*")
    assert every >= {"cn", "memberOf", "objectGUID", "objectSid", "uSNChanged", "whenCreated", "userPrincipalName"}
    assert names("*", "tokenGroups", "canonicalName") - every == {"tokenGroups", "canonicalName"}
    assert names("1.1") == set()
    assert names("SAMACCOUNTNAME", "nonsense") == {"sAMAccountName"}


TOKENS = {
    "alice": {"Domain Users", "Users", "Nested L2", "Nested L1", "Web Admins", "Domain Admins", "Administrators"},
    "bob": {"Domain Users", "Users", "Loop A", "Loop B", "OddGroup"},
    "primary.pete": {"Domain Users", "Users", "Primary People"},
    "dist.dora": {"Domain Users", "Users"},
    "nomail": {"Domain Users", "Users", "EditorsTwo"},
    "dora.deep": {"Domain Users", "Users", "EditorsOne", "Remote Desktop Users"},
    "mallory": {"Domain Users", "Users", "DomainAdminsTwin"},
    "WS01$": {"Domain Computers"},
    "Web Admins": set(),
}


@pytest.mark.parametrize("sam", list(TOKENS))
def test_token_groups(directory: DirectoryUnderTest, sam):
    """Security groups, nested ones and the primary group; no mailing list, nor what is behind one."""
    found = directory.search(directory.dn(sam), scope="BASE", attributes=["tokenGroups"]).one
    names = set()
    for sid in found.get("tokenGroups", []):
        names |= directory.search(f"<SID={sid.hex()}>", scope="BASE", attributes=["sAMAccountName"]).names()
    assert names - {"Denied RODC Password Replication Group"} == TOKENS[sam]


def test_token_groups_come_from_base_searches_only(directory: DirectoryUnderTest):
    """Any other scope is an error."""
    assert directory.search(ALICE, scope="SUBTREE", attributes=["tokenGroups"]).code == 1
    found = directory.search(f"<GUID={directory.guid('alice').hex()}>", scope="BASE", attributes=["cn", "tokenGroups"])
    assert set(found.one) == {"cn", "tokenGroups"}


@pytest.mark.parametrize(
    ("asked", "name", "count"),
    [
        ("member;range=1500-*", "member;range=1500-*", 101),
        ("member;range=0-9", "member;range=0-9", 10),
        ("member;range=10-29", "member;range=10-29", 20),
        ("member;range=1600-1700", "member;range=1600-*", 1),
    ],
)
def test_long_lists_come_in_ranges(directory: DirectoryUnderTest, asked, name, count):
    """A client may ask for some of many values."""
    found = directory.search(directory.dn("Everyone Big"), scope="BASE", attributes=[asked]).one
    assert {key: len(values) for key, values in found.items() if values} == {name: count}


@pytest.mark.parametrize(
    ("asked", "on_samba"), [("member", "member"), ("*", "member"), ("member;range=0-*", "member;range=0-*")]
)
def test_no_more_than_1500_values_at_once(directory: DirectoryUnderTest, asked, on_samba):
    """MaxValRange: Windows sends 1,500 values and says that there are more; Samba sends them all."""
    found = directory.search(directory.dn("Everyone Big"), scope="BASE", attributes=[asked]).one
    members = {key: len(values) for key, values in found.items() if key.startswith("member") and values}
    assert members == directory.expects(windows={"member;range=0-1499": 1500}, samba={on_samba: 1601})


def test_a_short_list_in_a_range(directory: DirectoryUnderTest):
    """Whoever asks for a range gets one."""
    found = directory.search(directory.dn("Web Admins"), scope="BASE", attributes=["member;range=0-*"]).one
    assert {key: len(values) for key, values in found.items()} == {"member;range=0-*": 1}


def test_pages(directory: DirectoryUnderTest):
    """A search in pages finds everybody once."""
    sizes, people, cookie = [], set(), None
    while cookie != b"":
        answer = directory.search(query=PEOPLE, attributes=["sAMAccountName"], paged_size=300, paged_cookie=cookie)
        assert answer.code == 0
        sizes.append(len(answer.entries))
        people |= answer.names()
        cookie = answer.controls[PAGED]["value"]["cookie"]
    assert sizes == [300] * 6 + [200]
    assert len(people) == 2000


def test_a_page_that_was_never_begun(directory: DirectoryUnderTest):
    """A cookie of nobody's, or of another connection's, is refused."""
    assert directory.search(query=PEOPLE, paged_size=10, paged_cookie=b"nonsense").code == 53
    cookie = directory.search(query=PEOPLE, paged_size=10).controls[PAGED]["value"]["cookie"]
    other = directory.connect()
    assert directory.search(query=PEOPLE, paged_size=10, paged_cookie=cookie, connection=other).code == 53


def test_no_more_than_a_thousand_at_once(directory: DirectoryUnderTest):
    """MaxPageSize: Windows ends an unpaged search after 1,000 entries with sizeLimitExceeded; Samba does not."""
    answer = directory.search(query=PEOPLE, attributes=["cn"])
    assert (answer.code, len(answer.entries)) == directory.expects(windows=(4, 1000), samba=(0, 2000))
    limited = directory.search(query=PEOPLE, attributes=["cn"], size_limit=10)
    assert (limited.code, len(limited.entries)) == directory.expects(windows=(4, 10), samba=(0, 2000))
    page = directory.search(query=PEOPLE, attributes=["cn"], paged_size=5000)
    assert len(page.entries) == directory.expects(windows=1000, samba=2000)


def test_unknown_controls(directory: DirectoryUnderTest):
    """A critical one is refused, another overlooked."""
    query = "(sAMAccountName=alice)"
    assert directory.search(query=query, controls=[("1.2.3.4", True, None)]).code == 12
    assert directory.search(query=query, controls=[("1.2.3.4", False, None)]).dns == {ALICE}


@pytest.mark.parametrize("reverse", [False, True])
def test_sorted(directory: DirectoryUnderTest, reverse):
    """The sort control orders the answer."""
    key = ber.octets(b"sAMAccountName") + (ber.tlv(0x81, b"\xff") if reverse else b"")
    control = ("1.2.840.113556.1.4.473", True, ber.tlv(0x30, ber.tlv(0x30, key)))
    answer = directory.search(
        directory.staff, "(sAMAccountName=user0000*)", attributes=["sAMAccountName"], controls=[control]
    )
    names = [entry["raw_attributes"]["sAMAccountName"][0] for entry in answer.entries]
    assert names == sorted((b"user%05d" % number for number in range(10)), reverse=reverse)


def test_extended_names(directory: DirectoryUnderTest):
    """The extended-DN control puts GUID and SID before each DN."""
    control = ("1.2.840.113556.1.4.529", True, ber.tlv(0x30, ber.integer(1)))
    answer = directory.search(directory.dn("Nested L2"), scope="BASE", attributes=["member"], controls=[control])
    [member] = answer.one["member"]
    guid, sid, dn = member.decode().split(";")
    assert guid == f"<GUID={uuid.UUID(bytes_le=directory.guid('alice'))}>"
    assert sid.startswith("<SID=S-1-5-21-")
    assert dn == ALICE


def test_the_partition_tells_the_netbios_name(directory: DirectoryUnderTest):
    """What ``EXAMPLE`` in ``EXAMPLE\\alice`` is, stands in the configuration."""
    answer = directory.search(
        f"CN=Partitions,CN=Configuration,{BASE}", "(nETBIOSName=*)", attributes=["nETBIOSName", "nCName", "dnsRoot"]
    )
    assert answer.one == {"nETBIOSName": [b"EXAMPLE"], "nCName": [BASE.encode()], "dnsRoot": [b"example.local"]}


@pytest.mark.parametrize("kind", ["user", "group", "computer"])
def test_ldap3_reads_by_the_schema(directory: DirectoryUnderTest, kind):
    """ldap3 makes an ObjectDef of the schema, and its Reader finds and decodes entries with it."""
    connection = directory.connect(get_info=ldap3.ALL)
    definition = ldap3.ObjectDef(kind, connection, auxiliary_class="securityPrincipal")
    assert "sAMAccountName" in definition
    name = {"user": "alice", "group": "Web Admins", "computer": "WS01$"}[kind]
    reader = ldap3.Reader(connection, definition, BASE, f"sAMAccountName: ={name}")
    [found] = reader.search(attributes=["objectGUID", "whenChanged", "sAMAccountName"])
    assert found.sAMAccountName == name
    assert uuid.UUID(found.objectGUID.value)
    assert found.whenChanged.value.year > 2000


def test_ldap3_reads_organizational_units(directory: DirectoryUnderTest):
    """A class without auxiliary ones, too."""
    connection = directory.connect(get_info=ldap3.ALL)
    reader = ldap3.Reader(connection, ldap3.ObjectDef("organizationalUnit", connection), directory.staff)
    assert "Deeper" in [str(entry.ou) for entry in reader.search(attributes=["ou"])]


def test_ldap3_writes_by_the_schema(directory: DirectoryUnderTest, scratch):
    """ldap3's Writer changes what its Reader found."""
    dn = scratch.user(title="Clerk")
    connection = directory.connect(get_info=ldap3.ALL)
    reader = ldap3.Reader(connection, ldap3.ObjectDef("user", connection), dn)
    [entry] = reader.search(attributes=["title"])
    writable = entry.entry_writable()
    writable.title = "Manager"
    assert writable.entry_commit_changes()
    assert directory.search(dn, scope="BASE", attributes=["title"]).one["title"] == [b"Manager"]


@pytest.mark.skipif(shutil.which("ldapsearch") is None, reason="ldap-utils is not installed")
@pytest.mark.parametrize("options", [["-H", "ldaps"], ["-H", "ldap", "-ZZ"]], ids=["ldaps", "starttls"])
def test_ldapsearch_finds_the_same(directory: DirectoryUnderTest, options):
    """OpenLDAP's own client, in pages, over verified LDAPS and StartTLS."""
    scheme = options[1]
    port = directory.tls_port if scheme == "ldaps" else directory.port
    done = subprocess.run(
        [
            *("ldapsearch", "-LLL", "-x", *options[2:], "-H", f"{scheme}://{directory.host}:{port}"),
            *("-D", directory.admin, "-w", directory.password, "-b", directory.base),
            *("-E", "pr=30/noprompt", "(sAMAccountName=user001*)", "sAMAccountName"),
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
        env={**os.environ, "LDAPTLS_CACERT": directory.ca_file},
    )
    names = {line.split(": ")[1] for line in done.stdout.splitlines() if line.startswith("sAMAccountName: ")}
    assert done.returncode == 0, done.stderr
    assert names == {f"user{number:05d}" for number in range(100, 200)}
