"""Whether values may be written: they fit the attribute's syntax and size, and are unique if they must be."""

from __future__ import annotations

from . import result_codes as r
from . import schema as syntax
from . import values as v
from .distinguished_names import BadName, Rdn, fold, parse_dn
from .entry import Entry, Values
from .equality import comparable
from .hosted_domain import Domain
from .schema import Attribute
from .values import pack_sid, sid_text

NAMING = {"cn", "ou", "dc", "name"}
EXACT_UNIQUE = ("samaccountname", "userprincipalname")
UAC_MASK = ~(v.LOCKED_OUT | v.PASSWORD_EXPIRED)
_NEVER_IN_A_NAME = '"/\\[]:;|=,+*?<>'


class Checks:
    """The checks of one domain. Each raises the error that AD answers."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.store = domain.store

    def steps(self, dn: str) -> list[Rdn]:
        """The names that *dn* is made of."""
        try:
            return parse_dn(dn)
        except BadName as exc:
            raise r.bad_name(dn) from exc

    def attribute(self, name: str) -> Attribute:
        """The attribute of this name, or OID."""
        found = self.store.schema.attribute(name)
        if found is None:
            raise r.no_attribute()
        return found

    def is_link(self, name: str) -> bool:
        """Whether the attribute points at entries."""
        found = self.store.schema.attributes[name]
        return found.link is not None and not found.is_back_link

    def target(self, value: bytes) -> Entry:
        """The entry a value names."""
        found = self.store.resolve(value)
        if found is None:
            raise r.no_object(self.store.base_dn)
        return found

    def checked(self, attribute: Attribute, values: Values) -> Values:
        """Values of the attribute's syntax and within its size; DNs that exist."""
        checked = []
        for value in values:
            if attribute.syntax == syntax.DN:
                value = self._checked_dn(attribute, value)
            elif attribute.syntax in (syntax.UNICODE, 4, syntax.INTEGER, syntax.INTEGER8, syntax.BOOLEAN):
                self._check_syntax(attribute, value)
            checked.append(value)
        return tuple(checked)

    def _checked_dn(self, attribute: Attribute, value: bytes) -> bytes:
        """The DN as AD writes it. The target of a link must exist."""
        text = value.decode("utf-8", "replace")
        try:
            target = self.store.find(text)
        except BadName as exc:
            raise r.bad_name(text) from exc
        if target is None and attribute.name == "member":
            target = self._foreign(text)
        if target is not None:
            return target.dn.encode()
        if attribute.name == "member":
            raise r.Refused(r.NO_SUCH_OBJECT, r.no_object(self.store.base_dn).text.replace("0000208D", "00000525"))
        if attribute.link is not None:
            raise r.attribute_problem(r.CONSTRAINT_VIOLATION, "000020B5", "1005 (CONSTRAINT_ATT_TYPE)", attribute.name)
        return value

    def _foreign(self, text: str) -> Entry | None:
        """``<SID=…>`` of another domain as a member becomes a foreign security principal (MS-SAMR 3.1.1.8)."""
        if not text.upper().startswith("<SID=S-1-5-21-"):
            return None
        sid = pack_sid(text[5:-1])
        if sid[:-4] == self.store.domain_account_sid(0)[:-4]:
            return None
        entry = self.domain.plain(
            self.domain.child(self.store.root, "CN=ForeignSecurityPrincipals"),
            Rdn("CN", sid_text(sid)),
            "foreignSecurityPrincipal",
            {},
        )
        entry.sid = sid
        self.store.by_sid[sid] = entry
        return entry

    def _check_syntax(self, attribute: Attribute, value: bytes) -> None:
        wrong = comparable(self.store, attribute, value) is None or value == b""
        try:
            length = len(value.decode("utf-8"))
        except UnicodeDecodeError:
            wrong, length = True, 0
        if wrong:
            raise r.attribute_problem(
                r.INVALID_ATTRIBUTE_SYNTAX, "00002082", "1004 (INVALID_ATTRIBUTE_SYNTAX)", attribute.name
            )
        is_text = attribute.syntax in (syntax.UNICODE, 4)
        if is_text and attribute.upper is not None and length > attribute.upper:
            raise r.attribute_problem(r.CONSTRAINT_VIOLATION, "00002082", "1005 (CONSTRAINT_ATT_TYPE)", attribute.name)

    def must_be_unique(self, name: str, value: bytes, entry: Entry | None) -> None:
        """No other account has this name, and it is one that SAM takes."""
        found = self.store.lookup(name, value) or []
        holders = [other for other in found if other is not entry and not other.deleted]
        if holders:
            if name == "samaccountname":
                raise r.already_exists("00000524")
            raise r.attribute_problem(
                r.CONSTRAINT_VIOLATION, "000021C8", "1005 (CONSTRAINT_ATT_TYPE)", "userPrincipalName"
            )
        if name == "samaccountname" and any(c in _NEVER_IN_A_NAME for c in value.decode("utf-8", "replace")):
            raise r.invalid_argument("00000523")
        if not fold(value.decode("utf-8", "replace")):
            raise r.invalid_argument("00000523")

    def may_be_enabled(self, entry: Entry, flags: int) -> None:
        """Refuse to enable an account without a password, if the policy demands one (MS-SAMR 3.1.1.8.10)."""
        was_disabled = self.store.number(entry, "useraccountcontrol") & v.DISABLED
        free = flags & (v.DISABLED | v.PASSWORD_NOT_REQUIRED) or not flags & v.NORMAL_ACCOUNT
        if was_disabled and not free and entry.password is None and self.store.number(self.store.root, "minpwdlength"):
            raise r.unwilling("0000052D")

    def may_be_members(self, group: Entry, values: Values) -> None:
        """Refuse to make an account an ordinary member of its own primary group."""
        if group.sid is None:
            return
        rid = int.from_bytes(group.sid[-4:], "little")
        for value in values:
            target = self.target(value)
            if target not in group.linked("member") and self.store.number(target, "primarygroupid") == rid:
                raise r.already_exists("00002071")

    def too_many(self, attribute: Attribute) -> r.Refused:
        """The error for two values of an attribute that takes one."""
        return r.attribute_problem(r.CONSTRAINT_VIOLATION, "00002081", "1005 (CONSTRAINT_ATT_TYPE)", attribute.name)
