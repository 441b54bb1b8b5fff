"""The comparison of a user with a directory user: pure, no I/O. What comes out is what to write, and nothing else.

`entitle` says which rights the directory gives. `plan` compares them, and the fields, with the user as it stands.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wauth_core.directory.entries import DirectoryUser
from wauth_core.identity import fold_username
from wauth_core.sync.policy import ACTIVE, PROPAGATION, Policy
from wauth_core.sync.repository import Change, Key, Link, UserSnapshot
from wauth_core.sync.result import SyncStatus

Resolved = Mapping[str, frozenset[str]]  # the name of a directory group -> its SIDs; a name not found has none


@dataclass(frozen=True)
class Rights:
    """What the directory gives one person.

    *status* and *reason* say why the person may not sign in, where so; then no flag and no group is given.
    *known_groups* are the names (case-folded) of all directory groups, where groups are mirrored.
    """

    flags: Mapping[str, bool] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()
    why: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    status: SyncStatus | None = None
    reason: str = ""
    known_groups: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Plan:
    """What to write, in order, and how the sync ends when it is written. *mine* is the key of the person's user."""

    status: SyncStatus
    changes: tuple[Change, ...] = ()
    reason: str = ""
    mine: Key | None = None


def entitle(
    policy: Policy,
    user: DirectoryUser,
    sids: frozenset[str],
    resolved: Resolved,
    directory_groups: Mapping[str, str] | None = None,
) -> Rights:
    """The rights of *user*, who is in the groups *sids*.

    *directory_groups* (SID -> name) are all security groups of the domain; only mirrored groups need them.
    """
    known = frozenset(fold_username(name) for name in (directory_groups or {}).values())
    own = frozenset(sids | {user.sid} if user.sid else sids)
    given = {flag: _matching(groups, own, resolved) for flag, groups in policy.flags.items()}
    if policy.propagate:
        inherited: tuple[str, ...] = ()
        for flag in PROPAGATION:
            if flag in given:
                given[flag] = given[flag] or inherited
                inherited = given[flag] or inherited
    status, reason = _refusal(policy, user, own, resolved)
    if status is not None:
        return Rights(dict.fromkeys(policy.flags, False), status=status, reason=reason, known_groups=known)
    groups = {group: _matching(listed, own, resolved) for group, listed in policy.group_map.items()}
    for sid, name in (directory_groups or {}).items():
        if sid in own and policy.mirrored(name):
            groups[name] = (name,)
    why = {name: found for name, found in (*given.items(), *groups.items()) if found}
    return Rights(
        flags={flag: bool(found) for flag, found in given.items()},
        groups=frozenset(name for name, found in groups.items() if found),
        why=why,
        known_groups=known,
    )


def _matching(groups: tuple[str, ...], sids: frozenset[str], resolved: Resolved) -> tuple[str, ...]:
    return tuple(name for name in groups if not sids.isdisjoint(resolved.get(name, frozenset())))


def _refusal(
    policy: Policy, user: DirectoryUser, sids: frozenset[str], resolved: Resolved
) -> tuple[SyncStatus | None, str]:
    if policy.account_state and not user.state.usable:
        states = " and ".join(reason for reason in user.state.reasons if reason in ("disabled", "expired"))
        return SyncStatus.DISABLED, f"the account is {states} in the directory"
    if denied := _matching(policy.deny, sids, resolved):
        return SyncStatus.REFUSED, f"a member of {denied[0]!r} (DENY_GROUPS)"
    if policy.require and not _matching(policy.require, sids, resolved):
        return SyncStatus.REFUSED, "a member of none of REQUIRE_GROUPS"
    return None, ""


def plan(
    policy: Policy,
    user: DirectoryUser,
    rights: Rights,
    *,
    mine: UserSnapshot | None = None,
    former: UserSnapshot | None = None,
    taken: UserSnapshot | None = None,
    signed_in_as: str | None = None,
    create: bool = True,
) -> Plan:
    """Compare *user* and its *rights* with the application.

    *mine* is the user linked to this very person. *former* is one who is linked under the person's logon name but is
    somebody else: it is set aside, and inherits nothing. *taken* is who goes by the name that the person shall have.
    *signed_in_as* is the name in the link, where a front end still knows the person by an older one. Without *create*
    nobody new is made.
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
        aside = (*aside, Change(taken.key, fields={policy.username_field: f"{name}{_suffix(taken.link)}"}))
        taken = None
    if rights.status is not None:
        if mine is None:
            return Plan(rights.status, aside, rights.reason)
        own = without_rights(policy, mine, rights.known_groups)
        shall = own.link or mine.link
        link = _link(policy, user, logon_name, mine, deactivated=shall is not None and shall.deactivated)
        own = dataclasses.replace(own, link=None if link == mine.link else link)
        return Plan(rights.status, (*aside, own) if own else aside, rights.reason, mine.key)
    if mine is None:
        if taken is not None:
            return Plan(SyncStatus.NAME_TAKEN, aside, _taken(username, taken))
        if not create:
            return Plan(SyncStatus.REFUSED, aside, "the application has no such user, and makes none by itself")
        fields = {name: value for name in policy.fields if (value := _value(policy, user, name)) is not None}
        fields[policy.username_field] = username
        created = Change(
            None, _link(policy, user, logon_name, None), fields, dict(rights.flags), groups_add=rights.groups
        )
        return Plan(SyncStatus.CREATED, (*aside, created))
    reason = ""
    fields = _field_changes(policy, user, mine)
    if taken is not None and policy.username_field in fields:
        # The person keeps the account and, for now, the old name: shutting them out would be worse.
        del fields[policy.username_field]
        reason = f"{_taken(username, taken)}; the user keeps the old one"
    change = _compare(policy, user, logon_name, rights, mine, fields)
    changes = (*aside, change) if change else aside
    if adopted:
        return Plan(SyncStatus.ADOPTED, changes, reason, mine.key)
    return Plan(SyncStatus.UPDATED if changes else SyncStatus.UNCHANGED, changes, reason, mine.key)


def _compare(
    policy: Policy, user: DirectoryUser, logon_name: str, rights: Rights, mine: UserSnapshot, fields: Mapping[str, Any]
) -> Change:
    flags = {flag: given for flag, given in rights.flags.items() if mine.flags.get(flag, given) != given}
    link = _link(policy, user, logon_name, mine)
    if (
        mine.link is not None
        and mine.link.deactivated
        and ACTIVE not in policy.flags
        and mine.flags.get(ACTIVE) is False
    ):
        flags[ACTIVE] = True
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
    )


def _link(
    policy: Policy, user: DirectoryUser, logon_name: str, mine: UserSnapshot | None, *, deactivated: bool = False
) -> Link:
    """The link as it shall stand."""
    current = mine.link if mine is not None else None
    return Link(
        domain=current.domain if current else policy.domain,
        username=logon_name,
        guid=user.guid or (current.guid if current else None),
        sid=user.sid or (current.sid if current else None),
        deactivated=deactivated,
        last_sync=current.last_sync if current else None,
    )


def without_rights(policy: Policy, snapshot: UserSnapshot, known_groups: frozenset[str] = frozenset()) -> Change:
    """Take from a user all that the settings speak of: flags, groups, and the right to sign in at all."""
    flags = {flag: False for flag in policy.flags if snapshot.flags.get(flag)}
    link = snapshot.link
    if snapshot.flags.get(ACTIVE):
        flags[ACTIVE] = False
        link = dataclasses.replace(link, deactivated=True) if link else None
    return Change(
        key=snapshot.key,
        link=None if link == snapshot.link else link,
        flags=flags,
        groups_remove=_owned(policy, snapshot, known_groups),
    )


def set_aside(policy: Policy, former: UserSnapshot, known_groups: frozenset[str] = frozenset()) -> Change:
    """Free the names of a user whose logon name has passed to another person.

    The link keeps the GUID, so that the person finds the account again should they come back under another name.
    """
    change = without_rights(policy, former, known_groups)
    link = change.link or former.link
    assert link is not None, "only a linked user can be set aside"  # noqa: S101
    suffix = _suffix(link)
    fields: dict[str, Any] = {}
    if policy.username_field in former.fields:
        fields[policy.username_field] = f"{former.fields[policy.username_field]}{suffix}"
    link = dataclasses.replace(link, username=f"{link.username}{suffix}")
    return dataclasses.replace(change, link=link, fields=fields)


def _suffix(link: Link | None) -> str:
    return f"~{link.guid.hex[:8]}" if link and link.guid else "~old"


def _is_outdated(policy: Policy, taken: UserSnapshot) -> bool:
    """Whether a user goes by a logon name of this domain that has since passed to somebody else.

    That is so where the person was renamed and has not been synchronised under the new name (a disabled account
    waits for that). Logon names are unique in a domain, so whoever comes with one has the better right to it.
    """
    return (
        policy.names_are_unique
        and taken.link is not None
        and fold_username(taken.link.domain) == fold_username(policy.domain)
        and policy.username_field in taken.fields
    )


def plan_missing(policy: Policy, mine: UserSnapshot | None, known_groups: frozenset[str] = frozenset()) -> Plan:
    """What becomes of a user whom the directory no longer knows: nothing, or deactivation (ACCOUNT_STATE)."""
    reason = "the directory knows nobody of that name"
    if mine is None:
        return Plan(SyncStatus.NOT_FOUND, reason=reason)
    change = without_rights(policy, mine, known_groups) if policy.account_state else None
    return Plan(SyncStatus.NOT_FOUND, (change,) if change else (), reason, mine.key)


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
    """Equal, also where the store keeps a number or a GUID as text, or the directory gives one as text."""
    return bool(current == value) or (type(current) is not type(value) and str(current) == str(value))


def _taken(username: str, taken: UserSnapshot) -> str:
    whose = f"the user of {taken.link.domain}\\{taken.link.username}" if taken.link else "a local user"
    return f"the name {username!r} belongs to {whose}"
