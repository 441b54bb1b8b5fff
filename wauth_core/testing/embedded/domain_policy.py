"""Which password policy applies to an account: the domain's, or a fine-grained one (MS-ADTS 3.1.1.4.5.36)."""

from __future__ import annotations

from dataclasses import dataclass

from .entry import Entry
from .hosted_domain import Domain

_GLOBAL = 2
_COMPLEX = 1  # pwdProperties, MS-SAMR 2.2.3.11


@dataclass(frozen=True)
class DomainPolicy:
    """Durations are negative 100 ns steps, as in AD."""

    min_length: int
    is_complex: bool
    min_age: int
    max_age: int
    lockout_duration: int
    lockout_threshold: int


def policy_of(domain: Domain, entry: Entry) -> DomainPolicy:
    """The policy of *entry*."""
    number = domain.store.number
    fine = resultant(domain, entry)
    if fine is not None:
        return DomainPolicy(
            number(fine, "msds-minimumpasswordlength"),
            domain.store.text(fine, "msds-passwordcomplexityenabled") == "TRUE",
            number(fine, "msds-minimumpasswordage"),
            number(fine, "msds-maximumpasswordage"),
            number(fine, "msds-lockoutduration"),
            number(fine, "msds-lockoutthreshold"),
        )
    root = domain.store.root
    return DomainPolicy(
        number(root, "minpwdlength"),
        bool(number(root, "pwdproperties") & _COMPLEX),
        number(root, "minpwdage"),
        number(root, "maxpwdage"),
        number(root, "lockoutduration"),
        number(root, "lockoutthreshold"),
    )


def resultant(domain: Domain, entry: Entry) -> Entry | None:
    """The fine-grained policy: one of the account itself, else one of its global groups; the lowest precedence wins."""
    store = domain.store
    container = domain.child(domain.child(store.root, "CN=System"), "CN=Password Settings Container")
    if not container.children:  # the usual case, and asked for everybody whom a search finds
        return None
    classes = store.classes(entry)
    if b"user" not in classes or b"computer" in classes:
        return None
    applied = list(entry.linking("msds-psoappliesto"))
    if not applied:
        groups = (group for group in store.token_groups(entry) if store.number(group, "grouptype") & _GLOBAL)
        applied = [policy for group in groups for policy in group.linking("msds-psoappliesto")]
    return min(
        applied, key=lambda each: (store.number(each, "msds-passwordsettingsprecedence"), each.guid), default=None
    )
