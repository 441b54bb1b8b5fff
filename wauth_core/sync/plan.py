"""The comparison of a user with what the directory says: pure, no I/O. What comes out is what to write.

`wauth_core.sync.rights` says which rights somebody has. `plan` compares them, and the fields, with the user as it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from wauth_core.directory.entries import DirectoryUser
from wauth_core.identity import fold_username
from wauth_core.sync.knowledge import Heard
from wauth_core.sync.policy import ACTIVE, Policy
from wauth_core.sync.repository import Change, Key, Link, UserSnapshot
from wauth_core.sync.result import SyncStatus
from wauth_core.sync.rights import Rights

NO_PASSWORD = datetime(1601, 1, 1, tzinfo=timezone.utc)  # pwdLastSet = 0: it must be changed at the next logon


@dataclass(frozen=True)
class Plan:
    """What to write, in order, and how the sync ends when it is written. *mine* is the key of the person's user, and
    *seen* its link. *unsure* says that a controller which may lag behind knows nobody of that name."""

    status: SyncStatus
    changes: tuple[Change, ...] = ()
    reason: str = ""
    mine: Key | None = None
    seen: Link | None = None
    unsure: bool = False


def plan(
    policy: Policy,
    user: DirectoryUser,
    rights: Rights,
    heard: Heard,
    *,
    mine: UserSnapshot | None = None,
    former: UserSnapshot | None = None,
    taken: UserSnapshot | None = None,
    signed_in_as: str | None = None,
    create: bool = True,
) -> Plan:
    """Compare *user* and its *rights*, as *heard*, with the application.

    - *mine* is the user linked to this very person.
    - *former* is linked under the person's logon name but is somebody else. It is set aside, and the person inherits
      nothing of it.
    - *taken* is the user who has the name that the person should get.
    - *signed_in_as* is the name in the link, if a front end still knows the person by an older one.
    - Without *create* no new user is made.
    """
    username = policy.username(user)
    logon_name = signed_in_as or policy.logon_name(user)
    if taken is not None and (
        taken.key == (mine.key if mine else None) or taken.key == (former.key if former else None)
    ):
        taken = None
    adopted = False
    if mine is None and taken is not None and taken.link is None and policy.adopt and rights.status is None:
        mine, taken, adopted = taken, None, True
    aside = (set_aside(policy, former, rights.known_groups),) if former is not None else ()
    if taken is not None and _is_outdated(policy, taken):
        name = taken.fields[policy.username_field]
        renamed = {policy.username_field: f"{name}{_suffix(taken.link)}"}
        aside = (*aside, Change(taken.key, fields=renamed, seen=taken.link, answered=False))
        taken = None
    if rights.status is not None:
        if mine is None:
            return Plan(rights.status, aside, rights.reason)
        own = without_rights(policy, mine, rights.known_groups)
        link = _link(policy, user, logon_name, mine)
        if link is not None:
            link = dataclasses.replace(link, deactivated=bool((own.link or mine.link or link).deactivated))
        own = _noted(dataclasses.replace(own, link=None if link == mine.link else link), mine, heard)
        return Plan(rights.status, (*aside, own) if own else aside, rights.reason, mine.key, mine.link)
    if mine is None:
        if taken is not None:
            return Plan(SyncStatus.NAME_TAKEN, aside, _taken(username, taken))
        if not create:
            return Plan(SyncStatus.REFUSED, aside, "the application has no such user, and makes none by itself")
        fields = {name: value for name in policy.fields if (value := _value(policy, user, name)) is not None}
        fields[policy.username_field] = username
        link = dataclasses.replace(_link(policy, user, logon_name, None), controller=heard.controller)
        created = Change(None, link, fields, dict(rights.flags), groups_add=rights.groups)
        return Plan(SyncStatus.CREATED, (*aside, created))
    held = mine.link is not None and heard.lags(mine.link.controller, mine.link.lowered_at)
    if held and mine.link is not None and mine.link.deactivated and mine.flags.get(ACTIVE) is False:
        reason = f"{mine.link.controller or 'another controller'} said otherwise a moment ago"
        return Plan(SyncStatus.REFUSED, aside, reason, mine.key, mine.link)
    reason = ""
    fields = _field_changes(policy, user, mine)
    if taken is not None and policy.username_field in fields:
        # The person keeps the account and, for now, the old name: shutting them out would be worse.
        del fields[policy.username_field]
        reason = f"{_taken(username, taken)}; the user keeps the old one"
    change = _compare(policy, user, logon_name, rights, mine, fields)
    change = _lowering(change) if held else _noted(change, mine, heard)
    changes = (*aside, change) if change else aside
    status = SyncStatus.ADOPTED if adopted else SyncStatus.UPDATED if changes else SyncStatus.UNCHANGED
    return Plan(status, changes, reason, mine.key, mine.link)


def plan_ticket(policy: Policy, rights: Rights, mine: UserSnapshot, as_of: datetime) -> Plan:
    """Compare the *rights* that a ticket gives with the person's user. A ticket has no fields, so fields stay as they
    are."""
    if rights.status is not None:
        own = _noted(without_rights(policy, mine, rights.known_groups), mine, Heard(as_of))
        return Plan(rights.status, (own,) if own else (), rights.reason, mine.key, mine.link)
    link = dataclasses.replace(mine.link, lapsed=False) if mine.link else None
    change = _difference(policy, rights, mine, {}, link)
    change = _noted(change, mine, Heard(as_of, mine.link.controller if mine.link else ""))
    status = SyncStatus.UPDATED if change else SyncStatus.UNCHANGED
    return Plan(status, (change,) if change else (), "", mine.key, mine.link)


def plan_lowering(policy: Policy, rights: Rights, mine: UserSnapshot, as_of: datetime) -> Plan:
    """What a ticket takes away that is newer than the user's row but too old to give anything."""
    planned = plan_ticket(policy, rights, mine, as_of)
    changes = tuple(lowered for change in planned.changes if (lowered := _lowering(change)))
    return dataclasses.replace(planned, changes=changes)


def lapse(policy: Policy, mine: UserSnapshot, known_groups: frozenset[str] = frozenset()) -> Change:
    """Take from a user the rights that the settings own, because too little is known. The user may still sign in.

    This is no answer of the directory. The next answer gives the rights back.
    """
    assert mine.link is not None, "only a linked user has rights that can lapse"  # noqa: S101
    return Change(
        key=mine.key,
        link=dataclasses.replace(mine.link, lapsed=True),
        flags={flag: False for flag in policy.flags if flag != ACTIVE and mine.flags.get(flag)},
        groups_remove=_owned(policy, mine, known_groups),
        seen=mine.link,
        answered=False,
    )


def _lowering(change: Change) -> Change:
    """The part of *change* that only takes rights away."""
    flags = {flag: given for flag, given in change.flags.items() if not given}
    link = dataclasses.replace(change.link, lapsed=change.seen.lapsed) if change.link and change.seen else change.link
    return dataclasses.replace(change, flags=flags, groups_add=frozenset(), link=None if link == change.seen else link)


def _noted(change: Change, mine: UserSnapshot, heard: Heard) -> Change:
    """*change*, with a link that says which controller answered, and since when a right is gone."""
    if not change or mine.link is None:
        return change
    lowers = bool(change.groups_remove) or not all(change.flags.values())
    at = heard.lowered_at(lowers, mine.link.lowered_at)
    link = dataclasses.replace(change.link or mine.link, controller=heard.controller, lowered_at=at)
    return dataclasses.replace(change, link=None if link == mine.link else link)


def _compare(
    policy: Policy, user: DirectoryUser, logon_name: str, rights: Rights, mine: UserSnapshot, fields: Mapping[str, Any]
) -> Change:
    change = _difference(policy, rights, mine, fields, _link(policy, user, logon_name, mine))
    if (
        mine.link is not None
        and mine.link.deactivated
        and ACTIVE not in policy.flags
        and mine.flags.get(ACTIVE) is False
    ):
        change = dataclasses.replace(change, flags={**change.flags, ACTIVE: True})
    return dataclasses.replace(change, end_sessions=_has_new_password(user, mine.link))


def _difference(
    policy: Policy, rights: Rights, mine: UserSnapshot, fields: Mapping[str, Any], link: Link | None
) -> Change:
    """What of the user's flags and groups differs from *rights*."""
    flags = {flag: given for flag, given in rights.flags.items() if mine.flags.get(flag, given) != given}
    # Names of mirrored groups compare without case: the application's spelling of a group stays.
    has = {fold_username(group) for group in mine.groups if policy.mirrored(group)}
    gives = {fold_username(group) for group in rights.groups if policy.mirrored(group)}
    return Change(
        key=mine.key,
        link=None if link == mine.link else link,
        fields=fields,
        flags=flags,
        groups_add=frozenset(g for g in rights.groups - mine.groups if fold_username(g) not in has),
        groups_remove=frozenset(
            g
            for g in _owned(policy, mine, rights.known_groups) - rights.groups
            if g in policy.group_map or fold_username(g) not in gives
        ),
        seen=mine.link,
    )


def password_set(user: DirectoryUser) -> datetime | None:
    """pwdLastSet (MS-ADA3 2.175), aware; `NO_PASSWORD` for 0, None if it cannot be read."""
    if "pwdLastSet" not in user.attributes:
        return None
    value = user.attributes["pwdLastSet"]
    return value if isinstance(value, datetime) else NO_PASSWORD


def _has_new_password(user: DirectoryUser, link: Link | None) -> bool:
    """Whether the password was changed, or must be, since the link was written: sessions that it opened end."""
    now, before = password_set(user), link.password_set if link else None
    if now is None or before is None or now == before:
        return False
    return now > before or now == NO_PASSWORD


def _link(policy: Policy, user: DirectoryUser, logon_name: str, mine: UserSnapshot | None) -> Link:
    """The link as it will be."""
    current = mine.link if mine is not None and mine.link is not None else Link(policy.domain, logon_name)
    return dataclasses.replace(
        current,
        username=logon_name,
        guid=user.guid or current.guid,
        sid=user.sid or current.sid,
        deactivated=False,
        lapsed=False,
        password_set=password_set(user) or current.password_set,
    )


def without_rights(policy: Policy, snapshot: UserSnapshot, known_groups: frozenset[str] = frozenset()) -> Change:
    """Take from a user all that the settings speak of: flags, groups, and the right to sign in at all."""
    flags = {flag: False for flag in policy.flags if snapshot.flags.get(flag)}
    link = snapshot.link
    ends = snapshot.active
    if ends:
        flags.update({ACTIVE: False} if ACTIVE in snapshot.flags else {})
        link = dataclasses.replace(link, deactivated=True) if link else None
    return Change(
        key=snapshot.key,
        link=None if link == snapshot.link else link,
        flags=flags,
        groups_remove=_owned(policy, snapshot, known_groups),
        seen=snapshot.link,
        end_sessions=ends,
    )


def set_aside(policy: Policy, former: UserSnapshot, known_groups: frozenset[str] = frozenset()) -> Change:
    """Free the names of a user whose logon name now belongs to another person.

    The link keeps the GUID. So the person finds the account again if they come back under another name.
    """
    change = without_rights(policy, former, known_groups)
    link = change.link or former.link
    assert link is not None, "only a linked user can be set aside"  # noqa: S101
    suffix = _suffix(link)
    fields: dict[str, Any] = {}
    if policy.username_field in former.fields:
        fields[policy.username_field] = f"{former.fields[policy.username_field]}{suffix}"
    link = dataclasses.replace(link, username=f"{link.username}{suffix}")
    return dataclasses.replace(change, link=link, fields=fields, answered=False, end_sessions=True)


def _suffix(link: Link | None) -> str:
    return f"~{link.guid.hex[:8]}" if link and link.guid else "~old"


def _is_outdated(policy: Policy, taken: UserSnapshot) -> bool:
    """Whether a user has a logon name of this domain that now belongs to somebody else.

    That happens if the person was renamed and has not been synchronised under the new name (a disabled account waits
    for that). Logon names are unique in a domain, so the person who comes with one now has the better right to it.
    """
    return (
        policy.names_are_unique
        and taken.link is not None
        and fold_username(taken.link.domain) == fold_username(policy.domain)
        and policy.username_field in taken.fields
    )


def plan_missing(
    policy: Policy, mine: UserSnapshot | None, heard: Heard, known_groups: frozenset[str] = frozenset()
) -> Plan:
    """What becomes of a user whom the directory no longer knows: nothing, or deactivation (ACCOUNT_STATE)."""
    reason = "the directory knows nobody of that name"
    if mine is None:
        return Plan(SyncStatus.NOT_FOUND, reason=reason)
    if mine.link is not None and mine.link.guid is None:  # it may be the name that is wrong: nothing is taken for that
        reason = f"{reason}, and whose the link is was never known"
        return Plan(SyncStatus.NOT_FOUND, (), reason, mine.key, mine.link)
    if mine.link is not None and heard.lags(mine.link.controller, mine.link.last_sync):
        reason = f"{heard.controller} knows nobody of that name, and may lag behind {mine.link.controller or 'others'}"
        return Plan(SyncStatus.NOT_FOUND, (), reason, mine.key, mine.link, unsure=True)
    change = _noted(without_rights(policy, mine, known_groups), mine, heard) if policy.account_state else None
    return Plan(SyncStatus.NOT_FOUND, (change,) if change else (), reason, mine.key, mine.link)


def _owned(policy: Policy, snapshot: UserSnapshot, known_groups: frozenset[str]) -> frozenset[str]:
    """Those of the user's groups that the directory rules over, and may take away.

    With MIRROR_GROUPS=True a group that the directory does not know is the application's own. One that a pattern
    names is the directory's, known or not.
    """
    return frozenset(
        group
        for group in snapshot.groups
        if group in policy.group_map
        or (policy.mirrored(group) and (not policy.mirror_all or fold_username(group) in known_groups))
    )


def _value(policy: Policy, user: DirectoryUser, name: str) -> Any:
    if name == policy.username_field:
        return policy.username(user)
    return policy.value(user, name)


def _field_changes(policy: Policy, user: DirectoryUser, mine: UserSnapshot) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for name in policy.fields:
        if name not in mine.fields:
            continue
        current, value = mine.fields[name], _value(policy, user, name)
        if value is None:
            # An attribute that was removed in the directory empties a text; of other types we cannot know what
            # "empty" is, so they stay.
            value = "" if isinstance(current, str) else current
        if not _same(current, value):
            changes[name] = value
    return changes


def _same(current: Any, value: Any) -> bool:
    """Equal, also if the store keeps a number or a GUID as text, or the directory gives one as text."""
    return bool(current == value) or (type(current) is not type(value) and str(current) == str(value))


def _taken(username: str, taken: UserSnapshot) -> str:
    whose = f"the user of {taken.link.domain}\\{taken.link.username}" if taken.link else "a local user"
    return f"the name {username!r} belongs to {whose}"
