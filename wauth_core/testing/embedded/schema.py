"""The part of Active Directory's schema that users, groups, computers and their containers need.

The tables in ``data/`` hold what Microsoft publishes in MS-ADA1 to 3 and MS-ADSC: names, OIDs, syntaxes, which
class has which attribute.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from importlib import resources

DN, OID, IA5, NUMERIC = 1, 2, 5, 6
CASE_EXACT, DN_BINARY, BOOLEAN, INTEGER, OCTETS, TIME = 3, 7, 8, 9, 10, 11
UNICODE, DN_STRING, SECURITY_DESCRIPTOR, INTEGER8, SID = 12, 14, 15, 16, 17

# what the subschema subentry calls each syntax 2.5.5.N (MS-ADTS 3.1.1.2.3.3)
_SUBSCHEMA_SYNTAX = {
    DN: "1.3.6.1.4.1.1466.115.121.1.12",
    OID: "1.3.6.1.4.1.1466.115.121.1.38",
    CASE_EXACT: "1.2.840.113556.1.4.1362",
    4: "1.2.840.113556.1.4.905",
    IA5: "1.3.6.1.4.1.1466.115.121.1.26",
    NUMERIC: "1.3.6.1.4.1.1466.115.121.1.36",
    DN_BINARY: "1.2.840.113556.1.4.903",
    BOOLEAN: "1.3.6.1.4.1.1466.115.121.1.7",
    INTEGER: "1.3.6.1.4.1.1466.115.121.1.27",
    OCTETS: "1.3.6.1.4.1.1466.115.121.1.40",
    TIME: "1.3.6.1.4.1.1466.115.121.1.24",
    UNICODE: "1.3.6.1.4.1.1466.115.121.1.15",
    DN_STRING: "1.2.840.113556.1.4.904",
    SECURITY_DESCRIPTOR: "1.2.840.113556.1.4.907",
    INTEGER8: "1.2.840.113556.1.4.906",
    SID: "1.3.6.1.4.1.1466.115.121.1.40",
}
_UTC_TIME = "1.3.6.1.4.1.1466.115.121.1.53"


@dataclass(frozen=True)
class Attribute:
    """One attribute; *syntax* is the N of 2.5.5.N, an even *link* is a forward link, link + 1 its back link."""

    name: str
    oid: str
    syntax: int
    utc: bool
    single: bool
    constructed: bool
    local: bool
    system: bool
    anr: bool
    link: int | None
    upper: int | None

    @property
    def is_back_link(self) -> bool:
        """Whether its values follow from another attribute's."""
        return self.link is not None and self.link % 2 == 1

    @property
    def description(self) -> str:
        """The line in the subschema subentry."""
        syntax = _UTC_TIME if self.utc else _SUBSCHEMA_SYNTAX[self.syntax]
        single = " SINGLE-VALUE" if self.single else ""
        fixed = " NO-USER-MODIFICATION" if self.system or self.constructed else ""
        return f"( {self.oid} NAME '{self.name}' SYNTAX '{syntax}'{single}{fixed} )"


@dataclass(frozen=True)
class ObjectClass:
    """One class; *must* and *may* are its own, without those it inherits."""

    name: str
    oid: str
    category: int
    superior: str
    auxiliary: tuple[str, ...]
    object_category: str
    naming: str
    must: frozenset[str]
    may: frozenset[str]


class Schema:
    """Attributes and classes by lower-cased name, and by OID."""

    def __init__(self) -> None:
        self.attributes: dict[str, Attribute] = {}
        self.classes: dict[str, ObjectClass] = {}
        for row in _table("attributes.tsv"):
            attribute = _attribute(row)
            self.attributes[attribute.name.lower()] = self.attributes[attribute.oid] = attribute
        for row in _table("classes.tsv"):
            found = _object_class(row)
            self.classes[found.name.lower()] = self.classes[found.oid] = found

    @cached_property
    def forward_of(self) -> dict[str, str]:
        """Lower-cased back link name to lower-cased forward link name."""
        by_link = {a.link: a.name.lower() for a in self.attributes.values() if a.link is not None}
        return {by_link[link]: by_link[link - 1] for link in by_link if link % 2 and link - 1 in by_link}

    def attribute(self, name: str) -> Attribute | None:
        """By name, in any case, or OID."""
        return self.attributes.get(name.lower())

    def lineage(self, name: str) -> tuple[str, ...]:
        """The class and its superiors as objectClass lists them, ``top`` first; KeyError if unknown."""
        found = self.classes[name.lower()]
        line = [found.name]
        while found.name != "top":
            found = self.classes[found.superior.lower()]
            line.append(found.name)
        return tuple(reversed(line))

    def allowed(self, names: tuple[str, ...]) -> tuple[set[str], set[str]]:
        """What entries of these classes must and may have, lower-cased, auxiliary classes included."""
        must: set[str] = set()
        may: set[str] = set()
        todo = list(names)
        seen = set()
        while todo:
            found = self.classes.get(todo.pop().lower())
            if found is None or found.name in seen:
                continue
            seen.add(found.name)
            must |= {name.lower() for name in found.must}
            may |= {name.lower() for name in found.may}
            todo += [*found.auxiliary, found.superior]
        return must, may

    @cached_property
    def subentry(self) -> dict[str, tuple[bytes, ...]]:
        """attributeTypes, objectClasses and dITContentRules of the subschema subentry."""
        attributes = {a.oid: a.description.encode() for a in self.attributes.values()}
        classes = {c.oid: c for c in self.classes.values()}
        return {
            "attributetypes": tuple(attributes.values()),
            "objectclasses": tuple(self._class_line(c).encode() for c in classes.values()),
            "ditcontentrules": tuple(
                self._content_rule(c).encode() for c in classes.values() if c.auxiliary and c.category != 3
            ),
        }

    def _class_line(self, found: ObjectClass) -> str:
        kind = {0: "STRUCTURAL", 1: "STRUCTURAL", 2: "ABSTRACT", 3: "AUXILIARY"}[found.category]
        superior = "" if found.name == "top" else f" SUP {found.superior}"
        parts = _names("MUST", found.must) + _names("MAY", found.may)
        return f"( {found.oid} NAME '{found.name}'{superior} {kind}{parts} )"

    def _content_rule(self, found: ObjectClass) -> str:
        must: set[str] = set()
        may: set[str] = set()
        for name in found.auxiliary:
            extra_must, extra_may = self.allowed((name,))
            must |= {self.attributes[n].name for n in extra_must}
            may |= {self.attributes[n].name for n in extra_may}
        auxiliary = " $ ".join(found.auxiliary)
        parts = _names("MUST", must) + _names("MAY", may - must)
        return f"( {found.oid} NAME '{found.name}' AUX ( {auxiliary} ){parts} )"


def _names(word: str, names: set[str] | frozenset[str]) -> str:
    return f" {word} ({' $ '.join(sorted(names))} )" if names else ""


def _table(name: str) -> list[list[str]]:
    text = (resources.files(__package__) / "data" / name).read_text(encoding="utf-8")
    return [line.split("\t") for line in text.splitlines() if line and not line.startswith("#")]


def _attribute(row: list[str]) -> Attribute:
    name, oid, syntax, flags, link, upper = row
    return Attribute(
        name,
        oid,
        int(syntax.rstrip("t")),
        utc=syntax.endswith("t"),
        single="s" in flags,
        constructed="c" in flags,
        local="l" in flags,
        system="o" in flags,
        anr="a" in flags,
        link=None if link == "-" else int(link),
        upper=None if upper == "-" else int(upper),
    )


def _object_class(row: list[str]) -> ObjectClass:
    name, oid, category, superior, auxiliary, object_category, naming, must, may = (
        "" if cell == "-" else cell for cell in row
    )
    return ObjectClass(
        name,
        oid,
        int(category),
        superior,
        tuple(auxiliary.split()),
        object_category,
        naming,
        frozenset(must.split()),
        frozenset(may.split()),
    )
