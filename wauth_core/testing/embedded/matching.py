"""Which entries a filter matches. It is compiled once for a search; indexes supply the candidates if they can.

As in RFC 4511 there are three values: True, False, and None for Undefined (an attribute that the schema does not know,
a value of the wrong kind). So ``(!(unknown=x))`` matches nothing, as on AD.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from . import schema as syntax
from .distinguished_names import fold
from .entry import Entry, Key, Values
from .equality import comparable
from .filter_syntax import And, Compare, Extensible, Filter, Not, Or, Present, Substrings
from .schema import Attribute
from .tree import Store

BIT_AND = "1.2.840.113556.1.4.803"
BIT_OR = "1.2.840.113556.1.4.804"
IN_CHAIN = "1.2.840.113556.1.4.1941"
_SECRET = {"unicodepwd", "dbcspwd", "supplementalcredentials", "ntpwdhistory", "lmpwdhistory", "userpassword"}
_TEXT = {syntax.UNICODE, 4, syntax.IA5, syntax.CASE_EXACT, syntax.NUMERIC}
_ORDERED = _TEXT | {syntax.INTEGER, syntax.INTEGER8, syntax.TIME}

Test = Callable[[Entry], "bool | None"]


def _undefined(entry: Entry) -> None:
    return None


def compile_filter(store: Store, found: Filter) -> Test:
    """A test for one entry."""
    if isinstance(found, And):
        return _every([compile_filter(store, part) for part in found.parts])
    if isinstance(found, Or):
        return _some([compile_filter(store, part) for part in found.parts])
    if isinstance(found, Not):
        inner = compile_filter(store, found.part)
        return lambda entry: None if (told := inner(entry)) is None else not told
    if isinstance(found, Compare) and found.attribute.lower() == "anr":
        return _anr(store, found.value)
    attribute = store.schema.attribute(found.attribute)
    if attribute is None or attribute.constructed or attribute.name.lower() in _SECRET:
        return _undefined
    if isinstance(found, Present):
        return _present(store, attribute)
    if isinstance(found, Substrings):
        return _substrings(store, attribute, found)
    if isinstance(found, Extensible):
        return _extensible(store, attribute, found)
    if found.operator in (">=", "<="):
        return _ordered(store, attribute, found)
    return _equal(store, attribute, found.value)


def candidates(store: Store, found: Filter) -> Iterable[Entry] | None:
    """The only entries that can match, or None if all must be tried."""
    if isinstance(found, And):
        best: list[Entry] | None = None
        for part in found.parts:
            listed = candidates(store, part)
            if listed is not None:
                members = list(listed)
                if best is None or len(members) < len(best):
                    best = members
        return best
    if isinstance(found, Or):
        union: dict[Entry, None] = {}
        for part in found.parts:
            listed = candidates(store, part)
            if listed is None:
                return None
            union.update(dict.fromkeys(listed))
        return union
    if isinstance(found, Compare) and found.operator in ("=", "~="):
        return store.lookup(found.attribute.lower(), found.value)
    if isinstance(found, Extensible) and found.rule == IN_CHAIN:
        attribute = store.schema.attribute(found.attribute)
        return _chain(store, attribute, found.value) if attribute is not None else []
    return None


def _every(tests: list[Test]) -> Test:
    def test(entry: Entry) -> bool | None:
        unknown = False
        for one in tests:
            told = one(entry)
            if told is False:
                return False
            unknown = unknown or told is None
        return None if unknown else True

    return test


def _some(tests: list[Test]) -> Test:
    def test(entry: Entry) -> bool | None:
        unknown = False
        for one in tests:
            told = one(entry)
            if told:
                return True
            unknown = unknown or told is None
        return None if unknown else False

    return test


def _present(store: Store, attribute: Attribute) -> Test:
    name = attribute.name.lower()
    if name == "objectclass":
        return lambda entry: True
    return lambda entry: bool(store.values(entry, name))


def _equal(store: Store, attribute: Attribute, value: bytes) -> Test:
    name = attribute.name.lower()
    if attribute.link is not None:
        return _linked(store, attribute, value)
    key = comparable(store, attribute, value)
    if key is None:
        return _undefined
    if name == "objectclass":
        known: dict[Values, bool] = {}

        def of_class(entry: Entry) -> bool:
            classes = store.classes(entry)
            told = known.get(classes)
            if told is None:
                told = known[classes] = key in {comparable(store, attribute, one) for one in classes}
            return told

        return of_class
    return lambda entry: any(comparable(store, attribute, one) == key for one in store.values(entry, name))


def _linked(store: Store, attribute: Attribute, value: bytes) -> Test:
    target = store.resolve(value)
    if target is None:
        return lambda entry: False
    name = attribute.name.lower()
    if attribute.is_back_link:
        forward = store.schema.forward_of.get(name, "")
        return lambda entry: target in entry.linking(forward)
    return lambda entry: target in entry.linked(name)


def _ordered(store: Store, attribute: Attribute, found: Compare) -> Test:
    name = attribute.name.lower()
    if attribute.syntax not in _ORDERED:
        return _undefined
    limit = comparable(store, attribute, found.value)
    if limit is None:
        return _undefined
    upward = found.operator == ">="

    def compare(one: Key | None) -> bool:
        if one is None or type(one) is not type(limit):
            return False
        return bool(one >= limit if upward else one <= limit)  # type: ignore[operator]

    return lambda entry: any(compare(comparable(store, attribute, one)) for one in store.values(entry, name))


def _substrings(store: Store, attribute: Attribute, found: Substrings) -> Test:
    name = attribute.name.lower()
    if attribute.syntax in _TEXT:
        exact = attribute.syntax in (syntax.IA5, syntax.CASE_EXACT)

        def shape(value: bytes) -> str:
            text = value.decode("utf-8", "replace")
            return text if exact else fold(text)

        first = shape(found.initial or b"")
        middle = [shape(piece) for piece in found.middle]
        last = shape(found.final or b"")
        return lambda entry: any(_pieces(shape(one), first, middle, last) for one in store.values(entry, name))
    if attribute.syntax == syntax.OCTETS:
        raw = (found.initial or b"", list(found.middle), found.final or b"")
        return lambda entry: any(_pieces(one.decode("latin-1"), *_latin(raw)) for one in store.values(entry, name))
    return _undefined


def _latin(raw: tuple[bytes, list[bytes], bytes]) -> tuple[str, list[str], str]:
    first, middle, last = raw
    return first.decode("latin-1"), [piece.decode("latin-1") for piece in middle], last.decode("latin-1")


def _pieces(text: str, first: str, middle: list[str], last: str) -> bool:
    if not text.startswith(first):
        return False
    position = len(first)
    for piece in middle:
        at = text.find(piece, position)
        if at < 0:
            return False
        position = at + len(piece)
    return text.endswith(last) and len(text) - len(last) >= position


def _extensible(store: Store, attribute: Attribute, found: Extensible) -> Test:
    if not found.rule:
        return _equal(store, attribute, found.value)
    if found.rule == IN_CHAIN:
        if attribute.link is None:
            return _undefined
        reached = _chain(store, attribute, found.value)
        return lambda entry: entry in reached
    if found.rule not in (BIT_AND, BIT_OR) or attribute.syntax not in (syntax.INTEGER, syntax.INTEGER8):
        return _undefined
    mask = comparable(store, attribute, found.value)
    if not isinstance(mask, int):
        return _undefined
    name = attribute.name.lower()
    if found.rule == BIT_AND:
        return lambda entry: any(int(one) & mask == mask for one in store.values(entry, name))
    return lambda entry: any(int(one) & mask for one in store.values(entry, name))


def _chain(store: Store, attribute: Attribute, value: bytes) -> dict[Entry, None]:
    """All entries from which the link leads to the entry *value*, in any number of steps."""
    target = store.resolve(value)
    found: dict[Entry, None] = {}
    if target is None or attribute.link is None:
        return found
    name = attribute.name.lower()
    todo = [target]
    while todo:
        at = todo.pop()
        step = at.linked(store.schema.forward_of.get(name, "")) if attribute.is_back_link else at.linking(name)
        for entry in step:
            if entry not in found:
                found[entry] = None
                todo.append(entry)
    return found


def _anr(store: Store, value: bytes) -> Test:
    """Ambiguous name resolution (MS-ADTS 3.1.1.3.1.3.4): any name that begins with the text, or first and last name."""
    text = value.decode("utf-8", "replace").strip()
    exact = text.startswith("=")
    wanted = fold(text.lstrip("="))
    names = sorted({a.name.lower() for a in store.schema.attributes.values() if a.anr})
    first, _, last = wanted.partition(" ")

    def begins(entry: Entry, name: str, start: str) -> bool:
        texts = (fold(one.decode("utf-8", "replace")) for one in store.values(entry, name))
        return any(one == start if exact else one.startswith(start) for one in texts)

    def test(entry: Entry) -> bool:
        if any(begins(entry, name, wanted) for name in names):
            return True
        if not last:
            return False
        given, sn = "givenname", "sn"
        return (begins(entry, given, first) and begins(entry, sn, last)) or (
            begins(entry, given, last) and begins(entry, sn, first)
        )

    return test if wanted else _undefined
