"""Add: a new entry, with what AD adds to it."""

from __future__ import annotations

import uuid

from . import result_codes as r
from . import values as v
from .burying import bury
from .distinguished_names import Rdn
from .entry import Entry, Values
from .hosted_domain import Domain
from .messages import AddRequest, Modification
from .unicode_pwd import write_password
from .validation import EXACT_UNIQUE, NAMING, UAC_MASK, Checks

_GIVEN_AT_BIRTH = ("objectclass", "instancetype", "msds-managedpasswordinterval")  # system-only, and must be there


class Adder:
    """Answers one connection's adds."""

    def __init__(self, domain: Domain) -> None:
        self.domain = domain
        self.store = domain.store
        self.checks = Checks(domain)

    def add(self, request: AddRequest, *, secure: bool) -> None:
        """A new entry, with what AD adds to it."""
        steps = self.checks.steps(request.dn)
        if len(steps) < 2:
            raise r.bad_name(request.dn)
        rdn = steps[0]
        parent, missing = self.store.descend(steps[1:])
        if parent is None or missing:
            raise r.no_object(parent.dn if parent is not None else "")
        if rdn.key in (parent.children or {}):
            raise r.already_exists()
        given = self._given(request)
        lineage = self._lineage(given)
        naming = self.store.schema.classes[lineage[-1].lower()].naming
        if rdn.attribute.lower() != naming.lower():
            raise r.Refused(r.NAMING_VIOLATION, "00002099: NameErr: DSID-0305109C, problem 2005 (NAMING)\0")
        rdn = Rdn(naming.upper(), rdn.value)
        self._check_allowed(given, lineage)
        password = given.pop("unicodepwd", ())
        links = {name: given.pop(name) for name in list(given) if self.checks.is_link(name)}
        targets = {name: [self.checks.target(value) for value in values] for name, values in links.items()}
        attrs: dict[str, bytes | Values] = {
            name: values[0] if len(values) == 1 else values for name, values in given.items()
        }
        sid = self._account_attributes(lineage, attrs)
        entry = self.store.create(parent, rdn, self.domain.template(lineage), attrs, sid=sid)
        for name, found in targets.items():
            for target in found:
                self.store.load_link(entry, name, target)
        if password:
            try:
                change = Modification(2, "unicodePwd", password)
                write_password(self.domain, entry, [change], secure=secure, privileged=True)
            except r.Refused:
                self._forget(entry)
                raise

    def _forget(self, entry: Entry) -> None:
        bury(self.store, entry, self.domain.graveyard())

    def _given(self, request: AddRequest) -> dict[str, Values]:
        given: dict[str, Values] = {}
        for name, values in request.attributes:
            attribute = self.checks.attribute(name)
            lower = attribute.name.lower()
            if lower in ("distinguishedname", *NAMING):
                continue
            if attribute.system and lower not in _GIVEN_AT_BIRTH:
                raise r.unwilling()
            if not values:  # RFC 4511 4.1.7: an attribute of a new entry has at least one
                raise r.attribute_problem(
                    r.CONSTRAINT_VIOLATION, "00002081", "1005 (CONSTRAINT_ATT_TYPE)", attribute.name
                )
            given[lower] = given.get(lower, ()) + self.checks.checked(attribute, values)
            if attribute.single and len(given[lower]) > 1:
                raise self.checks.too_many(attribute)
        return given

    def _lineage(self, given: dict[str, Values]) -> tuple[str, ...]:
        listed = [value.decode("utf-8", "replace") for value in given.pop("objectclass", ())]
        if not listed:
            raise r.attribute_problem(r.OBJECT_CLASS_VIOLATION, "0000207D", "1002 (OBJ_CLASS_VIOLATION)", "objectClass")
        try:
            lines = [self.store.schema.lineage(name) for name in listed]
        except KeyError as exc:
            raise r.attribute_problem(
                r.NO_SUCH_ATTRIBUTE, "0000207E", "1001 (NO_ATTRIBUTE_OR_VAL)", "objectClass"
            ) from exc
        deepest = max(lines, key=len)
        if self.store.schema.classes[deepest[-1].lower()].category in (2, 3):
            raise r.unwilling("00002080")
        return deepest

    def _check_allowed(self, given: dict[str, Values], lineage: tuple[str, ...]) -> None:
        must, may = self.store.schema.allowed(lineage)
        for name in given:
            if name not in must and name not in may:
                attribute = self.store.schema.attributes[name]
                raise r.attribute_problem(
                    r.OBJECT_CLASS_VIOLATION, "0000207D", "1002 (OBJ_CLASS_VIOLATION)", attribute.name
                )
        for name in EXACT_UNIQUE:
            if name in given:
                self.checks.must_be_unique(name, given[name][0], None)

    def _account_attributes(self, lineage: tuple[str, ...], attrs: dict[str, bytes | Values]) -> bytes | None:
        """What SAM gives a new account: name, flags, type, SID (MS-SAMR 3.1.1.8)."""
        if "group" in lineage:
            group_type = int(_one(attrs.get("grouptype")) or (2 - v.SECURITY))
            attrs["grouptype"] = b"%d" % group_type
            attrs["samaccounttype"] = b"%d" % v.group_account_type(group_type)
        elif "user" in lineage:
            computer = "computer" in lineage
            usual = v.WORKSTATION_ACCOUNT if computer else v.NORMAL_ACCOUNT
            flags = _one(attrs.get("useraccountcontrol"))
            new = v.DISABLED | v.PASSWORD_NOT_REQUIRED | usual
            attrs["useraccountcontrol"] = b"%d" % (int(flags) & UAC_MASK if flags else new)
            attrs.setdefault("pwdlastset", b"0")
        else:
            return None
        attrs.setdefault("samaccountname", f"${uuid.uuid4().hex[:6].upper()}-{uuid.uuid4().hex[:12].upper()}".encode())
        return self.store.new_sid()


def _one(value: bytes | Values | None) -> bytes | None:
    if isinstance(value, tuple):
        return value[0] if value else None
    return value
