"""Which rights the directory gives somebody: pure, no I/O."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from wauth_core.directory.entries import DirectoryUser
from wauth_core.identity import fold_username
from wauth_core.sync.policy import PROPAGATION, Policy
from wauth_core.sync.result import SyncStatus

Resolved = Mapping[str, frozenset[str]]  # the name of a directory group -> its SIDs; a name not found has none


@dataclass(frozen=True)
class Rights:
    """What the directory gives one person.

    *status* and *reason* say why the person may not sign in, if so; then no flag and no group is given.
    *known_groups* are the names (case-folded) of all directory groups, where groups are mirrored.
    """

    flags: Mapping[str, bool] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()
    why: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    status: SyncStatus | None = None
    reason: str = ""
    known_groups: frozenset[str] = frozenset()


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
    own = frozenset(sids | {user.sid} if user.sid else sids)
    return of_groups(policy, own, resolved, directory_groups, _state(policy, user))


def of_groups(
    policy: Policy,
    own: frozenset[str],
    resolved: Resolved,
    directory_groups: Mapping[str, str] | None = None,
    refusal: tuple[SyncStatus | None, str] = (None, ""),
) -> Rights:
    """The rights of somebody with the SIDs *own*, whom *refusal* may already shut out."""
    known = frozenset(fold_username(name) for name in (directory_groups or {}).values())
    given = {flag: _matching(groups, own, resolved) for flag, groups in policy.flags.items()}
    if policy.propagate:
        inherited: tuple[str, ...] = ()
        for flag in PROPAGATION:
            if flag in given:
                given[flag] = given[flag] or inherited
                inherited = given[flag] or inherited
    status, reason = refusal if refusal[0] is not None else _refusal(policy, own, resolved)
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


def _state(policy: Policy, user: DirectoryUser) -> tuple[SyncStatus | None, str]:
    if policy.account_state and not user.state.usable:
        states = " and ".join(reason for reason in user.state.reasons if reason in ("disabled", "expired"))
        return SyncStatus.DISABLED, f"the account is {states} in the directory"
    return None, ""


def _refusal(policy: Policy, sids: frozenset[str], resolved: Resolved) -> tuple[SyncStatus | None, str]:
    if denied := _matching(policy.deny, sids, resolved):
        return SyncStatus.REFUSED, f"a member of {denied[0]!r} (DENY_GROUPS)"
    if policy.require and not _matching(policy.require, sids, resolved):
        return SyncStatus.REFUSED, "a member of none of REQUIRE_GROUPS"
    return None, ""
