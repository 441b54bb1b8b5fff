"""What a page of a site under contract tells of whoever is there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from wauth_core import WindowsUser
from wauth_core.exceptions import DirectoryUnavailable

ADMINS = "Domain Admins"


def as_known(question: Callable[[], bool]) -> bool | None:
    """What a question about a group is answered; None where that cannot be known."""
    try:
        return question()
    except DirectoryUnavailable:
        return None


def described(user: Any) -> dict[str, Any]:
    """The one interface of whoever is there: each attribute by its value, or by its type where that is longer."""
    groups, sids = user.groups, user.group_sids
    said = {name: getattr(user, name) for name in ("is_authenticated", "username", "display_name")}
    return {
        **said,
        "is a": isinstance(user, WindowsUser),
        "bool": bool(user),
        "str": str(user),
        "identity": str(user.identity) if user.identity else None,
        "group_sids": type(sids).__name__,
        "of group_sids": sorted({type(sid).__name__ for sid in sids}),
        "groups": type(groups).__name__,
        "of groups": sorted({type(group).__name__ for group in groups}),
        "in_group": [
            user.in_group(each) for each in (ADMINS, *(group.sid for group in groups), *groups[:1], "Nobodies")
        ],
        "attributes": user.attributes.get("sAMAccountName"),
    }
