"""One story of changes in a directory, told against the embedded directory and against a domain controller."""

from __future__ import annotations

from typing import Any, Protocol

from wauth_core import SyncStatus, Wauth
from wauth_core.testing import MemoryUserRepository


class Directory(Protocol):
    """What the story does to the directory; people and groups by name."""

    def add_member(self, group: str, member: str) -> None: ...
    def remove_member(self, group: str, member: str) -> None: ...
    def disable(self, user: str) -> None: ...
    def rename(self, user: str, new_sam: str) -> None: ...
    def delete(self, user: str) -> None: ...
    def add_user(self, sam: str) -> Any: ...


def tell(directory: Directory, wauth: Wauth, user: str, inner: str, outer: str) -> None:
    """*user* is there; the group *inner* is empty; who is in *outer* is staff."""
    store = MemoryUserRepository()

    def run() -> dict[str, SyncStatus]:
        result = wauth.sync_all(store, "EXAMPLE", incremental=True)
        assert result.ok, result.failures
        assert result.incremental
        return {each.identity.username: each.status for each in result.results}

    first = wauth.sync_all(store, "EXAMPLE", incremental=True)
    assert not first.incremental, "the first run looks at everybody"
    assert user in {stored.fields["username"] for stored in store.users.values()}
    key = next(key for key, stored in store.users.items() if stored.fields["username"] == user)
    assert run() == {}

    directory.add_member(inner, user)
    assert run() == {}, "news that changes no right writes nothing"
    directory.add_member(outer, inner)
    assert run() == {user: SyncStatus.UPDATED}
    assert store.users[key].flags["is_staff"] is True, "a group was put into another: it concerns all below"
    directory.remove_member(outer, inner)
    assert run() == {user: SyncStatus.UPDATED}
    assert store.users[key].flags["is_staff"] is False
    directory.rename(user, f"{user}x")
    assert run() == {f"{user}x": SyncStatus.UPDATED}
    directory.disable(f"{user}x")
    assert run() == {f"{user}x": SyncStatus.DISABLED}
    directory.add_user(user)
    assert run() == {user: SyncStatus.CREATED}, "a new person under the old name"
    directory.delete(user)
    assert run() == {user: SyncStatus.NOT_FOUND}
    assert run() == {}
