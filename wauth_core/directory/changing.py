"""What `LDAPManager` does to objects that are there: attributes, passwords, states, members."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from wauth_core.directory import decode, encode, filters
from wauth_core.directory.edits import Edit, Mod
from wauth_core.directory.entries import DirectoryGroup, DirectoryObject
from wauth_core.directory.nouns import Nouns
from wauth_core.directory.wire import Control
from wauth_core.directory.wire_writes import ADD, DELETE, PERMISSIVE_MODIFY, REPLACE
from wauth_core.directory.writer import Writer, WriteResult, shown
from wauth_core.exceptions import ConfigurationError, DirectoryError, NotFound

AT_ONCE = 500  # members in one request; AD takes about 5,000 values (MS-ADTS 3.1.1.3.2.37, MaxValRange aside)
_NEVER = b"%d" % decode.NEVER
_PERMISSIVE = (Control(PERMISSIVE_MODIFY),)  # somebody else may have added the same member meanwhile: no error


class Changing(Nouns):
    """The writes of `LDAPManager` to one object at a time.

    - They need READ_ONLY=False.
    - *x* is whatever `find` takes.
    - Each returns a `WriteResult`, and is logged as ``wauth.audit``.
    - No write is ever sent twice. Nothing is sent if nothing would change.
    - *dry_run* looks everything up and sends nothing. It works on a read-only manager too.

    Raises `ReadOnlyError`, `NotFound`, `Ambiguous`, `ChangeRefused` with AD's reason, and `ChangeUncertain` if the
    answer was lost.
    """

    _writer: Writer

    def set(self, x: object, attributes: Mapping[str, Any], *, dry_run: bool = False) -> WriteResult:
        """Set attributes, all in one request. A value is one, several (a list), or None to clear the attribute.

        Values are written as they are read: aware datetimes, bools, numbers, UUIDs, bytes; an object stands for its DN.
        """
        wanted = encode.attributes(attributes)
        found = self._to_change(x, tuple(wanted), dry_run=dry_run)
        mods = tuple(
            Mod(REPLACE, name, values)
            for name, values in wanted.items()
            if _as_set(name, values) != _as_set(name, encode.values(name, found.attributes.get(name)))
        )
        return self._modify("set", found, mods, dry_run=dry_run)

    def add_value(self, x: object, attribute: str, value: Any, *, dry_run: bool = False) -> WriteResult:
        """Add a value, or several, to an attribute that holds many. The values that it already has stay."""
        return self._edit_values("add_value", x, attribute, value, ADD, dry_run=dry_run)

    def remove_value(self, x: object, attribute: str, value: Any, *, dry_run: bool = False) -> WriteResult:
        """Remove a value, or several, from an attribute. Values that it does not have are ignored."""
        return self._edit_values("remove_value", x, attribute, value, DELETE, dry_run=dry_run)

    def set_manager(self, x: object, manager: object, *, dry_run: bool = False) -> WriteResult:
        """Set the manager of *x*; None removes it."""
        return self.set(x, {"manager": None if manager is None else self._as_object(manager)}, dry_run=dry_run)

    # -- passwords and states ------------------------------------------------------------------------------------------

    def set_password(
        self, x: object, password: str, *, must_change: bool = False, dry_run: bool = False
    ) -> WriteResult:
        """Set the account's password. With *must_change* the person must choose another one at the next sign-in.

        It is sent over an encrypted connection only, and appears in no log, LDIF or error.
        """
        mods = [Mod(REPLACE, "unicodePwd", (password_octets(password),))]
        del password
        if must_change:
            mods.append(Mod(REPLACE, "pwdLastSet", (b"0",)))
        return self._modify("set_password", self._to_change(x, (), dry_run=dry_run), tuple(mods), dry_run=dry_run)

    def change_password(self, x: object, old: str, new: str, *, dry_run: bool = False) -> WriteResult:
        """Change the password of a person who knows the old one. The policy's history and minimum age apply."""
        mods = (
            Mod(DELETE, "unicodePwd", (password_octets(old),)),
            Mod(ADD, "unicodePwd", (password_octets(new),)),
        )
        del old, new
        return self._modify("change_password", self._to_change(x, (), dry_run=dry_run), mods, dry_run=dry_run)

    def must_change_password(self, x: object, must: bool = True, *, dry_run: bool = False) -> WriteResult:
        """Require a new password at the next sign-in; with False, no longer."""
        found = self._to_change(x, ("pwdLastSet",), dry_run=dry_run)
        does = found.attributes.get("pwdLastSet") is None
        mods = () if does == must else (Mod(REPLACE, "pwdLastSet", (b"0" if must else b"-1",)),)
        return self._modify("must_change_password", found, mods, dry_run=dry_run)

    def enable(self, x: object, *, dry_run: bool = False) -> WriteResult:
        """Enable the account."""
        return self._flag("enable", x, decode.ACCOUNT_DISABLE, on=False, dry_run=dry_run)

    def disable(self, x: object, *, dry_run: bool = False) -> WriteResult:
        """Disable the account."""
        return self._flag("disable", x, decode.ACCOUNT_DISABLE, on=True, dry_run=dry_run)

    def unlock(self, x: object, *, dry_run: bool = False) -> WriteResult:
        """Unlock an account that wrong passwords have locked."""
        found = self._to_change(x, ("lockoutTime",), dry_run=dry_run)
        mods = (Mod(REPLACE, "lockoutTime", (b"0",)),) if found.attributes.get("lockoutTime") else ()
        return self._modify("unlock", found, mods, dry_run=dry_run)

    def expire(self, x: object, when: datetime | None, *, dry_run: bool = False) -> WriteResult:
        """Set when the account expires (aware); None for never."""
        octets = encode.values("accountExpires", when) or (_NEVER,)
        found = self._to_change(x, ("accountExpires",), dry_run=dry_run)
        same = found.attributes.get("accountExpires") == decode.attribute("accountExpires", list(octets))
        mods = () if same else (Mod(REPLACE, "accountExpires", octets),)
        return self._modify("expire", found, mods, dry_run=dry_run)

    # -- members -------------------------------------------------------------------------------------------------------

    def add_members(self, group: object, members: Iterable[object], *, dry_run: bool = False) -> WriteResult:
        """Add any number of *members* to *group*, in requests of 500. Those who are in it already are left out.

        A SID that no object here has counts as a member from another domain. If a later request is refused, the error's
        ``done`` holds the requests before it.
        """
        return self._edit_members("add_members", group, members, ADD, dry_run=dry_run)

    def remove_members(self, group: object, members: Iterable[object], *, dry_run: bool = False) -> WriteResult:
        """Remove *members* from *group*. Those who are not in it are left out. Nobody can leave a primary group."""
        return self._edit_members("remove_members", group, members, DELETE, dry_run=dry_run)

    def _edit_members(
        self, what: str, group: object, members: Iterable[object], operation: int, *, dry_run: bool
    ) -> WriteResult:
        self._writer.check(dry_run=dry_run)
        if isinstance(members, str | DirectoryObject):
            members = (members,)
        found = self._only_group(group, ("member",))
        held = {filters.dn_key(dn) for dn in found.attributes.get("member") or ()}
        primary = found.sid.rpartition("-")[2] if found.sid else ""
        wanted: dict[str, str] = {}
        for member in members:
            dn, primary_group = self._member(member)
            if primary_group == primary and operation == DELETE:
                raise ConfigurationError(
                    f"{found.name} is the primary group of {dn!r}, which cannot be left. Set its primaryGroupID first."
                )
            if (filters.dn_key(dn) in held or primary_group == primary) == (operation == DELETE):
                wanted.setdefault(filters.dn_key(dn), dn)
        listed = [dn.encode() for dn in wanted.values()]
        edits = tuple(
            Edit(
                "modify",
                found.dn,
                (Mod(operation, "member", tuple(listed[at : at + AT_ONCE])),),
                controls=_PERMISSIVE,
            )
            for at in range(0, len(listed), AT_ONCE)
        )
        gone, come = ((), tuple(wanted.values())) if operation == ADD else (tuple(wanted.values()), ())
        return self._writer.run(
            WriteResult(
                what=what,
                dn=found.dn,
                guid=found.guid,
                edits=edits,
                before={"member": gone},
                after={"member": come},
                dry_run=dry_run,
            )
        )

    def _member(self, member: object) -> tuple[str, str]:
        """The DN to write for *member*, and the RID of its primary group."""
        try:
            found = self._as_object(member)
        except NotFound:
            if isinstance(member, str) and filters.is_sid(member):
                return filters.sid_base(member), ""  # AD makes a foreign security principal for it
            raise
        return found.dn, str(found.attributes.get("primaryGroupID", ""))

    # -- inside --------------------------------------------------------------------------------------------------------

    def _to_change(self, x: object, attributes: tuple[str, ...], *, dry_run: bool) -> DirectoryObject:
        """The object with its *attributes* as they are now."""
        self._writer.check(dry_run=dry_run)
        return self.find(x, attributes)

    def _as_object(self, x: object) -> DirectoryObject:
        return x if isinstance(x, DirectoryObject) else self.find(x)

    def _only_group(self, x: object, attributes: tuple[str, ...]) -> DirectoryGroup:
        """The group that *x* names; `LDAPManager.group`."""
        raise NotImplementedError

    def _flag(self, what: str, x: object, flag: int, *, on: bool, dry_run: bool) -> WriteResult:
        """Change one bit of userAccountControl. AD refuses it if another bit has changed since it was read."""
        found = self._to_change(x, ("userAccountControl",), dry_run=dry_run)
        old = found.attributes.get("userAccountControl")
        if not isinstance(old, int):
            raise DirectoryError(f"{found.dn!r} is no account: it has no userAccountControl that may be read.")
        new = old | flag if on else old & ~flag
        mods = (Mod(DELETE, "userAccountControl", (b"%d" % old,)), Mod(ADD, "userAccountControl", (b"%d" % new,)))
        return self._modify(what, found, mods if new != old else (), dry_run=dry_run)

    def _edit_values(
        self, what: str, x: object, attribute: str, value: Any, operation: int, *, dry_run: bool
    ) -> WriteResult:
        [(name, values)] = encode.attributes({attribute: value}).items()
        found = self._to_change(x, (name,), dry_run=dry_run)
        held = _as_set(name, encode.values(name, found.attributes.get(name)))
        listed = tuple(v for v in values if (_folded(name, v) in held) == (operation == DELETE))
        return self._modify(what, found, (Mod(operation, name, listed),) if listed else (), dry_run=dry_run)

    def _modify(
        self,
        what: str,
        found: DirectoryObject,
        mods: tuple[Mod, ...],
        *,
        dry_run: bool,
        after: Mapping[str, Any] | None = None,
    ) -> WriteResult:
        edits = (Edit("modify", found.dn, mods),) if mods else ()
        names = dict.fromkeys(mod.attribute for mod in mods)
        return self._writer.run(
            WriteResult(
                what=what,
                dn=found.dn,
                guid=found.guid,
                edits=edits,
                before=shown({name: found.attributes.get(name) for name in names}),
                after={mod.attribute: mod.shown for mod in mods},
                dry_run=dry_run,
            )
        )


def password_octets(password: str) -> bytes:
    """*password* as unicodePwd takes it (MS-ADTS 3.1.1.3.1.5). Raises `ConfigurationError` for an empty one."""
    if not password:
        raise ConfigurationError("A password cannot be empty.")
    try:
        return f'"{password}"'.encode("utf-16-le")
    except UnicodeEncodeError:
        raise ConfigurationError("The password is not text.") from None


def _as_set(name: str, values: Iterable[bytes]) -> frozenset[bytes | str]:
    return frozenset(_folded(name, value) for value in values)


def _folded(name: str, value: bytes) -> bytes | str:
    """Texts that are DNs are compared as DNs, all others letter by letter: another case is a change."""
    text = decode.attribute(name, [value])
    text = text[0] if isinstance(text, list) else text
    return filters.dn_key(text) if isinstance(text, str) and name.lower() in _DNS and filters.is_dn(text) else value


_DNS = frozenset({"manager", "member", "managedby", "secretary", "assistant", "seealso", "roleoccupant"})
