"""What stands in the test domains: people whose names hurt, groups that nest, loop or merely look alike.

Plain data; `fill.py` writes it into a fresh Samba domain. People are keyed by sAMAccountName and groups by
their sAMAccountName too. Everybody's password is `PASSWORD` unless it says otherwise.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

PASSWORD = "Passw0rd!x"
ADMIN = "Administrator"
BIG_GROUP_SIZE = 1601
"""One and a bit more than the 1,500 values that a server hands out at once."""
BULK_WITH_PASSWORD = 200
"""The first so many bulk users can log in; the others have no password."""


@dataclass(frozen=True)
class ADPerson:
    """One account. `cn` defaults to the sAMAccountName, `upn` to `sam@realm`."""

    sam: str
    given: str = ""
    surname: str = ""
    mail: str = ""
    cn: str = ""
    ou: str = "OU=Staff"
    upn: str = ""
    password: str | None = PASSWORD
    state: str = "enabled"
    """`enabled`, `disabled`, `expired`, `locked` or `must-change`."""
    primary_group: str = ""
    spns: tuple[str, ...] = ()
    attributes: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Group:
    """One group. `members` are sAMAccountNames, of people and groups; `security=False` is a mailing list."""

    sam: str
    members: tuple[str, ...] = ()
    cn: str = ""
    ou: str = "OU=Staff"
    security: bool = True


@dataclass(frozen=True)
class Domain:
    """All that a domain holds besides what every AD has."""

    netbios: str
    dns_name: str
    people: tuple[ADPerson, ...]
    groups: tuple[Group, ...]
    memberships: dict[str, tuple[str, ...]]
    """Further members of groups that every AD has."""
    units: tuple[str, ...] = ("OU=Staff", "OU=Leavers", "OU=Deeper,OU=Staff", "OU=Contacts")

    @property
    def realm(self) -> str:
        """The Kerberos realm."""
        return self.dns_name.upper()

    @property
    def base_dn(self) -> str:
        """The domain's naming context."""
        return ",".join(f"DC={label}" for label in self.dns_name.split("."))

    def as_json(self) -> dict[str, Any]:
        """What `fill.py` reads."""
        return {**asdict(self), "base_dn": self.base_dn}


_SERVICES = (
    ADPerson("svc_web", ou="CN=Users"),
    ADPerson("svc_http", ou="CN=Users", spns=("HTTP/intranet.example.local", "HTTP/www.example.local")),
)

_PEOPLE = (
    ADPerson("alice", "Alice", "Liddell", "alice@example.local"),
    ADPerson("bob", 'Bob (the "builder") *', "O'Hara, jr\\", "bob@example.local"),
    ADPerson("Zoë.Ünal", "Zoë", "Ünal 李", "zoe@example.local"),
    ADPerson("nomail"),
    ADPerson("a(b)c&d", "Star", "Paren", "paren@example.local"),
    ADPerson("dora.deep", "Dora", "Deep", "dora@example.local", ou="OU=Deeper,OU=Staff"),
    # a CN may hold nearly anything
    ADPerson("cn.star", "Only", "Star", cn="*"),
    ADPerson("cn.quotes", "Quo", "Tess", cn='Quo "Tess" <qt>; #1 + 2 = 3, half / whole'),
    ADPerson("cn.hash", "Hash", "First", cn="#hash first"),
    ADPerson("cn.spaces", "Space", "Around", cn=" Space  Around "),
    ADPerson("cn.backslash", "Back", "Slash", cn="Back\\Slash\\"),
    ADPerson("cn.long", "Long" * 16, "Name" * 16, cn="Ł" * 32 + "x" * 32),
    ADPerson("twenty.letters.long1", "Twenty", "Letters"),
    # several people whose names begin or sound alike
    ADPerson("alice2", "Alice", "Liddell", "alice2@example.local", cn="Alice Liddell", ou="OU=Leavers"),
    ADPerson("alic", "Alic", "Short"),
    # a user principal name that is not the sAMAccountName
    ADPerson("ursula", "Ursula", "Upper", upn="U.Upper@corp.example"),
    ADPerson("tim", "Tim", "First", upn="timothy@example.local"),
    # passwords that Unicode normalisation would change
    ADPerson("pw.ligature", "Lig", "Ature", password="Eﬃcient ﬁsh 1ﬂ"),
    ADPerson("pw.fullwidth", "Full", "Width", password="Ｐａｓｓ１２３ word Ⅳ"),
    ADPerson("pw.zerowidth", "Zero", "Width", password="Pass\u200b\u200cw0rd!\u00adx"),
    ADPerson("pw.umlaut", "Um", "Laut", password="Größe Ü1 e\u0301"),
    # accounts that must not get in
    ADPerson("disabled.dan", "Dan", "Disabled", "dan@example.local", ou="OU=Leavers", state="disabled"),
    ADPerson("expired.eve", "Eve", "Expired", "eve@example.local", ou="OU=Leavers", state="expired"),
    ADPerson("locked.lou", "Lou", "Locked", "lou@example.local", state="locked"),
    ADPerson("mustchange.mia", "Mia", "Mustchange", "mia@example.local", state="must-change"),
    # nobody below has any right
    ADPerson("carol", "Carol", "Lookalike", "carol@example.local"),
    ADPerson("mallory", "Mallory", "Lookalike", "mallory@example.local"),
    ADPerson("dist.dora", "Dist.Dora", "Lookalike", "dist.dora@example.local"),
    ADPerson("primary.pete", "Pete", "Primary", "pete@example.local", primary_group="Primary People"),
)

_GROUPS = (
    # alice is a domain administrator, five groups away
    Group("Nested L2", ("alice",)),
    Group("Nested L1", ("Nested L2",)),
    Group("Web Admins", ("Nested L1",)),
    # a cycle
    Group("Loop A", ("Loop B", "bob")),
    Group("Loop B", ("Loop A",)),
    Group("OddGroup", ("bob", "cn.star", "cn.spaces", "cn.backslash"), cn="Comma, Group (odd) *"),
    Group("Größe & Ärger (ß)", ("Zoë.Ünal",)),
    Group("Primary People"),
    Group("Empty Group"),
    # groups that merely look like "Domain Admins"
    Group("Former Domain Admins", ("carol",)),
    Group("DomainAdminsTwin", ("mallory",), cn="Domain Admins", ou="OU=Leavers"),
    Group("DomainAdminsList", ("dist.dora",), cn="Domain Admins", security=False),
    # a security group holds a mailing list: its people are no members of the security group
    Group("Mailing List", ("dist.dora", "nomail"), security=False),
    Group("Behind A List", ("Mailing List",)),
    # two groups of one CN
    Group("EditorsOne", ("dora.deep",), cn="Editors"),
    Group("EditorsTwo", ("nomail",), cn="Editors", ou="OU=Leavers"),
)


def bulk_users(count: int = 2000) -> tuple[ADPerson, ...]:
    """`user00000` and so on; only the first ones have a password."""
    return tuple(
        ADPerson(
            f"user{number:05d}",
            f"Given{number}",
            f"Sur{number}",
            f"user{number}@example.local",
            cn=f"Given{number} Sur{number}",
            password=PASSWORD if number < BULK_WITH_PASSWORD else None,
        )
        for number in range(count)
    )


def bulk_groups(users: int = 2000, count: int = 200) -> tuple[Group, ...]:
    """`Group 000` and so on, forty people in each, chained ten deep: 009 holds 008, which holds 007, …"""

    def members(number: int) -> tuple[str, ...]:
        people = tuple(f"user{user:05d}" for user in range(number % 50, users, 50))
        return people if number % 10 == 0 else (*people, f"Group {number - 1:03d}")

    chained = (Group(f"Group {number:03d}", members(number)) for number in range(count))
    return (*chained, Group("Everyone Big", tuple(f"user{user:05d}" for user in range(BIG_GROUP_SIZE))))


EXAMPLE = Domain(
    netbios="EXAMPLE",
    dns_name="example.local",
    people=(*_SERVICES, *_PEOPLE, *bulk_users()),
    groups=(*_GROUPS, *bulk_groups()),
    memberships={"Domain Admins": ("Web Admins",), "Remote Desktop Users": ("dora.deep",)},
)

OTHER = Domain(
    netbios="OTHER",
    dns_name="other.local",
    people=(
        ADPerson("svc_web", ou="CN=Users"),
        # twins of people of EXAMPLE, who are other people
        ADPerson("alice", "Alicia", "Otherwise", "alice@other.local"),
        ADPerson("bob", "Robert", "Otherwise", "bob@other.local"),
        ADPerson("carol", "Carola", "Otherwise", "carol@other.local"),
        ADPerson("only.other", "Only", "Other", "only@other.local"),
    ),
    groups=(Group("Web Admins", ("bob",)), Group("Editors", ("alice",))),
    memberships={"Domain Admins": ("carol",)},
)
