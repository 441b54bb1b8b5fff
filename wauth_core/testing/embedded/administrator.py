"""What an administrator does to existing people and groups, as methods of `Domain`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from wauth_core.exceptions import ConfigurationError

from . import values as v
from .burying import bury
from .distinguished_names import Rdn, fold
from .entry import Entry, Values
from .linked_values import relink
from .tree import Store


class AccountChanges:
    """Methods that change accounts. `Domain` finds the accounts and the places in the tree."""

    store: Store
    realm: str
    clock: Callable[[], float]

    def find(self, name: object) -> Entry:
        """The one account that *name* names."""
        raise NotImplementedError

    def container(self, path: str | None) -> Entry:
        """Where a path leads."""
        raise NotImplementedError

    def free_rdn(self, parent: Entry, cn: str) -> Rdn:
        """A name that is free there."""
        raise NotImplementedError

    def graveyard(self) -> Entry:
        """Where tombstones go."""
        raise NotImplementedError

    def add_member(self, group: object, member: object) -> None:
        """Put *member* into *group*; nothing happens if it is in there."""
        with self.store.lock:
            source, target = self.find(group), self.find(member)
            if target not in source.linked("member"):
                self.store.link(source, "member", target)

    def remove_member(self, group: object, member: object) -> None:
        """Take *member* out of *group*; nothing happens if it is not in there."""
        with self.store.lock:
            source, target = self.find(group), self.find(member)
            if target in source.linked("member"):
                self.store.unlink(source, "member", target)

    def disable(self, user: object) -> None:
        """Disable the account."""
        self._flag(user, v.DISABLED, True)

    def enable(self, user: object) -> None:
        """Enable the account."""
        self._flag(user, v.DISABLED, False)

    def lock(self, user: object) -> None:
        """Lock the account, as too many wrong passwords do."""
        self.update(user, lockoutTime=v.filetime(self.clock()))

    def unlock(self, user: object) -> None:
        """Unlock the account."""
        self.update(user, lockoutTime=0, badPwdCount=0)

    def expire(self, user: object, when: datetime | None = None) -> None:
        """Set when the account expires (default: an hour ago)."""
        moment = when.timestamp() if when is not None else self.clock() - timedelta(hours=1).total_seconds()
        self.update(user, accountExpires=v.filetime(moment))

    def set_password(self, user: object, password: str, *, must_change: bool = False) -> None:
        """Set the account's password."""
        with self.store.lock:
            self.find(user).password = password
            self.update(user, pwdLastSet=0 if must_change else v.filetime(self.clock()))

    def expire_password(self, user: object) -> None:
        """Make the password expire."""
        self.update(user, pwdLastSet=v.filetime(self.clock() - 400 * 86400))

    def require_password_change(self, user: object) -> None:
        """Tick "User must change password at next logon"."""
        self.update(user, pwdLastSet=0)

    def rename(self, user: object, new_sam: str, *, name: str | None = None) -> None:
        """Give the account another sAMAccountName (and UPN); with *name*, another CN too. The GUID stays."""
        with self.store.lock:
            entry = self.find(user)
            holder = self.store.principal(new_sam)
            if holder is not None and holder is not entry:
                raise ConfigurationError(f"The name {new_sam!r} is taken by {holder.dn}.")
            old = self.store.text(entry, "samaccountname")
            upn = self.store.text(entry, "userprincipalname")
            self.store.put(entry, "samaccountname", (new_sam.encode(),))
            if upn and fold(upn) == fold(f"{old}@{self.realm}"):
                self.store.put(entry, "userprincipalname", (f"{new_sam}@{self.realm}".encode(),))
            if name is not None and entry.parent is not None:
                self.store.move(entry, entry.parent, self.free_rdn(entry.parent, name))

    def set_primary_group(self, user: object, group: object) -> None:
        """Change the primary group as SAM does: the old one becomes an ordinary group, the new one stops being one."""
        with self.store.lock:
            entry, new = self.find(user), self.find(group)
            old = self.store.by_rid(self.store.number(entry, "primarygroupid"))
            if new.sid is None or old is new:
                return
            if entry in new.linked("member"):
                self.store.unlink(new, "member", entry)
            if old is not None:
                self.store.link(old, "member", entry)
            self.store.put(entry, "primarygroupid", (b"%d" % int.from_bytes(new.sid[-4:], "little"),))

    def move(self, account: object, ou: str) -> None:
        """Move the entry to another organizational unit."""
        with self.store.lock:
            entry, parent = self.find(account), self.container(ou)
            self.free_rdn(parent, entry.rdn.value)
            self.store.move(entry, parent, entry.rdn)

    def update(self, account: object, **attributes: object) -> None:
        """Set attributes to a value, to several (a list), or to none (None)."""
        with self.store.lock:
            entry = self.find(account)
            for name, value in attributes.items():
                known = self.store.schema.attribute(name)
                if known is None:
                    raise ConfigurationError(f"Active Directory's schema has no attribute {name!r}.")
                if known.is_back_link or known.constructed or self.store.is_computed(known.name.lower()):
                    raise ConfigurationError(
                        f"{known.name} follows from something else: change a name by rename(), the place by move(), "
                        "membership by add_member()."
                    )
                if known.link is not None:
                    self._relink(entry, known.name.lower(), value)
                else:
                    self.store.put(entry, known.name.lower(), encode(value))

    def delete(self, account: object) -> None:
        """Delete the entry. As in AD a tombstone remains, and the names are free again."""
        with self.store.lock:
            bury(self.store, self.find(account), self.graveyard())

    def _flag(self, user: object, flag: int, on: bool) -> None:
        with self.store.lock:
            flags = self.store.number(self.find(user), "useraccountcontrol")
            self.update(user, userAccountControl=flags | flag if on else flags & ~flag)

    def _relink(self, entry: Entry, name: str, value: object) -> None:
        listed = [] if value is None else value if isinstance(value, (list, tuple)) else [value]
        relink(self.store, entry, name, [self.find(item) for item in listed])


def encode(value: object) -> Values:
    """One value, several or none, as AD stores them."""
    if isinstance(value, str):
        return (value.encode(),)
    if value is None:
        return ()
    if isinstance(value, (list, tuple)):
        return tuple(item for one in value for item in encode(one))
    if isinstance(value, bytes):
        return (value,)
    if isinstance(value, bool):
        return (b"TRUE" if value else b"FALSE",)
    if isinstance(value, datetime):
        return (v.generalized_time(value.timestamp()),)
    return (str(value).encode(),)
