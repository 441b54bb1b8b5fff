"""Write unicodePwd: quoted UTF-16, over TLS only. A reset needs the right; a change needs the old password."""

from __future__ import annotations

from collections.abc import Sequence

from . import values as v
from .domain_policy import policy_of
from .entry import Entry
from .hosted_domain import Domain
from .messages import Modification
from .result_codes import CONSTRAINT_VIOLATION, Refused, attribute_problem, no_rights, unwilling


def write_password(
    domain: Domain, entry: Entry, changes: Sequence[Modification], *, secure: bool, privileged: bool
) -> None:
    """Apply the unicodePwd changes of one modify (MS-ADTS 3.1.1.3.1.5)."""
    if not secure:
        raise unwilling("0000001F")
    deleted = [value for change in changes if change.operation == 1 for value in change.values]
    added = [value for change in changes if change.operation == 0 for value in change.values]
    replaced = [value for change in changes if change.operation == 2 for value in change.values]
    if len(replaced) == 1 and not deleted and not added:
        if not privileged:
            raise no_rights()
        new = _decoded(replaced[0])
    elif len(deleted) == 1 and len(added) == 1 and not replaced:
        if _decoded(deleted[0]) != entry.password:
            raise attribute_problem(CONSTRAINT_VIOLATION, "00000056", "1005 (CONSTRAINT_ATT_TYPE)", "unicodePwd")
        _check_age(domain, entry)
        new = _decoded(added[0])
    else:
        raise unwilling()
    policy = policy_of(domain, entry)
    sam = domain.store.text(entry, "samaccountname")
    if len(new) < policy.min_length or (policy.is_complex and _too_simple(new, sam)):
        raise attribute_problem(CONSTRAINT_VIOLATION, "0000052D", "1005 (CONSTRAINT_ATT_TYPE)", "unicodePwd")
    entry.password = new
    domain.store.put(entry, "pwdlastset", (b"%d" % v.filetime(domain.clock()),))


def _check_age(domain: Domain, entry: Entry) -> None:
    """Refuse a change before the password is minPwdAge old (a day, as in a fresh AD)."""
    last_set = domain.store.number(entry, "pwdlastset")
    if last_set and v.filetime(domain.clock()) < last_set - policy_of(domain, entry).min_age:
        raise attribute_problem(CONSTRAINT_VIOLATION, "0000052D", "1005 (CONSTRAINT_ATT_TYPE)", "unicodePwd")


def _decoded(value: bytes) -> str:
    try:
        text = value.decode("utf-16-le")
    except UnicodeDecodeError as exc:
        raise _malformed() from exc
    if len(text) < 2 or text[0] != '"' or text[-1] != '"':
        raise _malformed()
    return text[1:-1]


def _malformed() -> Refused:
    return unwilling("0000001F")


def _too_simple(password: str, sam: str) -> bool:
    """Three of five kinds of characters, and not the account's name (MS-SAMR 3.1.1.7.2)."""
    kinds = (
        any(c.isupper() for c in password),
        any(c.islower() for c in password),
        any(c.isdigit() for c in password),
        any(not c.isalnum() for c in password),
        any(c.isalpha() and not c.isupper() and not c.islower() for c in password),
    )
    return sum(kinds) < 3 or (len(sam) > 2 and sam.lower() in password.lower())
