"""Modify, delete, rename, compare: with AD's results."""

from __future__ import annotations

from . import result_codes as r
from . import values as v
from .burying import bury, undelete
from .controls import RequestControls
from .distinguished_names import Rdn
from .entry import Entry, Values
from .equality import comparable
from .hosted_domain import Domain
from .linked_values import relink
from .messages import (
    CompareRequest,
    DeleteRequest,
    Modification,
    ModifyDNRequest,
    ModifyRequest,
)
from .protection import may_be_deleted
from .reading import Reader
from .schema import Attribute
from .unicode_pwd import write_password
from .validation import EXACT_UNIQUE, NAMING, UAC_MASK, Checks

_SAM_OWNED = {"objectsid", "samaccounttype", "badpwdcount", "badpasswordtime", "lastlogon", "logoncount", "sidhistory"}


class UpdateHandler:
    """Answers one connection's updates. Each is made as a whole, or not at all."""

    def __init__(self, domain: Domain, reader: Reader) -> None:
        self.domain = domain
        self.store = domain.store
        self.reader = reader
        self.checks = Checks(domain)

    # --- compare ---

    def compare(self, request: CompareRequest) -> int:
        """COMPARE_TRUE or COMPARE_FALSE."""
        entry = self.reader.base(request.dn)
        attribute = self.checks.attribute(request.attribute)
        wanted = comparable(self.store, attribute, request.value)
        values = self.store.values(entry, attribute.name.lower())
        if not values:
            raise r.Refused(r.NO_SUCH_ATTRIBUTE)
        same = any(comparable(self.store, attribute, value) == wanted for value in values)
        return r.COMPARE_TRUE if same else r.COMPARE_FALSE

    # --- modify ---

    def modify(
        self, request: ModifyRequest, options: RequestControls, who: Entry | None, *, secure: bool, privileged: bool
    ) -> None:
        """All changes, or none of them."""
        entry = self.reader.base(request.dn)
        if entry.deleted and options.show_deleted and privileged:
            undelete(self.domain, entry, request.changes)
            return
        passwords = [c for c in request.changes if c.attribute.lower() in ("unicodepwd", "userpassword")]
        if not privileged and (not passwords or len(passwords) != len(request.changes)):
            raise r.no_rights()
        others = [c for c in request.changes if c not in passwords]
        planned = self._plan(entry, others, options)
        if passwords:
            write_password(self.domain, entry, passwords, secure=secure, privileged=privileged)
        for name, wanted in planned.items():
            self._write(entry, name, wanted)

    def _plan(self, entry: Entry, changes: list[Modification], options: RequestControls) -> dict[str, Values]:
        """The new values of every changed attribute. A refusal comes before anything is written."""
        planned: dict[str, Values] = {}
        for change in changes:
            attribute = self.checks.attribute(change.attribute)
            name = attribute.name.lower()
            self._check_modifiable(entry, attribute)
            current = planned.get(name, self.store.values(entry, name))
            values = self.checks.checked(attribute, change.values)
            planned[name] = self._changed(attribute, current, change.operation, values, options)
            if attribute.single and len(planned[name]) > 1:
                raise r.attribute_problem(
                    r.ATTRIBUTE_OR_VALUE_EXISTS, "00002081", "1006 (ATT_OR_VALUE_EXISTS)", attribute.name
                )
        for name, values in planned.items():
            self._check_result(entry, name, values)
        return planned

    def _check_modifiable(self, entry: Entry, attribute: Attribute) -> None:
        name = attribute.name.lower()
        if name in NAMING and (name == "name" or name == entry.rdn.attribute.lower()):
            raise r.Refused(
                r.NOT_ALLOWED_ON_RDN,
                "000020B1: UpdErr: DSID-030F11CF, problem 6004 (CANT_ON_RDN), data 0\n\0",
            )
        if name == "objectclass":
            raise r.attribute_problem(r.OBJECT_CLASS_VIOLATION, "00002014", "1002 (OBJ_CLASS_VIOLATION)", "objectClass")
        if name in _SAM_OWNED or attribute.is_back_link:
            raise r.unwilling()
        if name == "distinguishedname" or attribute.system or attribute.constructed:
            raise r.attribute_problem(r.CONSTRAINT_VIOLATION, "000020B1", "1005 (CONSTRAINT_ATT_TYPE)", attribute.name)
        classes = tuple(value.decode() for value in self.store.classes(entry))
        must, may = self.store.schema.allowed(classes)
        if name not in must and name not in may:
            raise r.attribute_problem(
                r.OBJECT_CLASS_VIOLATION, "0000207D", "1002 (OBJ_CLASS_VIOLATION)", attribute.name
            )

    def _changed(
        self, attribute: Attribute, current: Values, operation: int, values: Values, options: RequestControls
    ) -> Values:
        keys = [self._key(attribute, value) for value in current]
        new = [self._key(attribute, value) for value in values]
        if len(set(new)) != len(new):
            raise self._exists(attribute)
        if operation == 2:
            return values
        if operation == 0:
            if not values:
                raise r.Refused(r.PROTOCOL_ERROR)
            doubled = [key for key in new if key in keys]
            if doubled and not options.permissive:
                raise self._exists(attribute)
            return current + tuple(v for v, key in zip(values, new, strict=True) if key not in doubled)
        if operation != 1:
            raise r.Refused(r.PROTOCOL_ERROR)
        if not values:
            if not current and not options.permissive:
                raise self._missing(attribute, whole=True)
            return ()
        if any(key not in keys for key in new) and not options.permissive:
            raise self._missing(attribute)
        return tuple(v for v, key in zip(current, keys, strict=True) if key not in new)

    def _check_result(self, entry: Entry, name: str, values: Values) -> None:
        if name in EXACT_UNIQUE and values:
            self.checks.must_be_unique(name, values[0], entry)
        if name == "samaccountname" and not values:
            raise r.unwilling()
        if name == "useraccountcontrol" and values:
            self.checks.may_be_enabled(entry, int(values[0]))
        if name == "primarygroupid" and values:
            group = self.store.by_rid(int(values[0]))
            current = self.store.by_rid(self.store.number(entry, "primarygroupid"))
            if group is None or (group is not current and entry not in group.linked("member")):
                raise r.unwilling("00000561")
        if name == "lockouttime" and values and values[0] != b"0":
            raise r.unwilling()
        if name == "pwdlastset" and values and values[0] not in (b"0", b"-1"):
            raise r.invalid_argument("00000057")
        if name == "member":
            self.checks.may_be_members(entry, values)

    def _write(self, entry: Entry, name: str, values: Values) -> None:
        if self.checks.is_link(name):
            relink(self.store, entry, name, dict.fromkeys(self.checks.target(value) for value in values))
            return
        if name == "pwdlastset" and values == (b"-1",):
            values = (b"%d" % v.filetime(self.domain.clock()),)
        if name == "primarygroupid" and values:
            group = self.store.by_rid(int(values[0]))
            if group is not None:
                self.domain.set_primary_group(entry, group)
        if name == "useraccountcontrol" and values:
            values = (b"%d" % (int(values[0]) & UAC_MASK),)
        self.store.put(entry, name, values)
        if name == "grouptype" and values:
            self.store.put(entry, "samaccounttype", (b"%d" % v.group_account_type(int(values[0])),))
        if name == "lockouttime":
            entry.attrs["badpwdcount"] = b"0"

    # --- delete, rename ---

    def delete(self, request: DeleteRequest, options: RequestControls) -> None:
        """Delete an entry; a tombstone remains."""
        entry = self.reader.base(request.dn)
        if entry.deleted:
            raise r.unwilling()
        if self.store.text(entry, "iscriticalsystemobject") == "TRUE" or entry.is_naming_context:
            raise r.unwilling()
        if not may_be_deleted(entry, tree=options.tree_delete):
            raise r.no_rights()
        below = [child for child in (entry.children or {}).values() if not child.deleted]
        if below and not options.tree_delete:
            raise r.update_problem(r.NOT_ALLOWED_ON_NON_LEAF, "00002015", "6003 (CANT_ON_NON_LEAF)")
        for one in reversed(list(entry.walk())):
            bury(self.store, one, self.domain.graveyard())

    def modify_dn(self, request: ModifyDNRequest) -> None:
        """Rename or move an entry."""
        entry = self.reader.base(request.dn)
        if entry.parent is None or self.store.number(entry, "systemflags") & v.DISALLOW_RENAME:
            raise r.unwilling()
        steps = self.checks.steps(request.new_rdn)
        if len(steps) != 1:
            raise r.bad_name(request.new_rdn)
        if not request.delete_old:
            raise r.unwilling("00002104")
        rdn = steps[0]
        if rdn.attribute.lower() != entry.rdn.attribute.lower():
            raise r.Refused(r.NAMING_VIOLATION, "00002099: NameErr: DSID-03050F2C, problem 2005 (NAMING)\0")
        parent = entry.parent
        if request.new_superior is not None:
            parent = self.reader.base(request.new_superior)
        if self.store.is_below(parent, entry):
            raise r.unwilling("00002089")
        rdn = Rdn(entry.rdn.attribute, rdn.value)
        taken = (parent.children or {}).get(rdn.key)
        if taken is not None and taken is not entry:
            raise r.already_exists()
        self.store.move(entry, parent, rdn)

    # --- small things ---

    def _key(self, attribute: Attribute, value: bytes) -> object:
        return comparable(self.store, attribute, value)

    def _exists(self, attribute: Attribute) -> r.Refused:
        if attribute.name == "member":
            return r.already_exists("00000562")
        return r.attribute_problem(
            r.ATTRIBUTE_OR_VALUE_EXISTS, "00002083", "1006 (ATT_OR_VALUE_EXISTS)", attribute.name
        )

    def _missing(self, attribute: Attribute, *, whole: bool = False) -> r.Refused:
        if attribute.name == "member" and not whole:
            return r.unwilling("00000561")
        return r.attribute_problem(r.NO_SUCH_ATTRIBUTE, "00002085", "1001 (NO_ATTRIBUTE_OR_VAL)", attribute.name)
