"""Every error this project raises, under one root.

Leaves carry data; their text says what happened, to what, and what to do. The errors of ldap3 stop at
``wauth_core.directory``: what leaves it is one of these, raised ``from`` the original.
"""

from __future__ import annotations

__all__ = [
    "Ambiguous",
    "AmbiguousGroup",
    "AmbiguousUser",
    "BindError",
    "BulkDeactivationRefused",
    "BulkRunning",
    "ChangeRefused",
    "ChangeUncertain",
    "ChannelBindingRequired",
    "ConfigurationError",
    "DirectoryError",
    "DirectoryOffline",
    "DirectoryUnavailable",
    "GroupNotFound",
    "InvalidIdentity",
    "MembershipUnreadable",
    "NotFound",
    "OperationFailed",
    "ReadOnlyError",
    "SigningRequired",
    "SyncError",
    "TLSError",
    "UnknownDomain",
    "UserNotFound",
    "WauthError",
]

DOCUMENTATION = "https://windowsauth.readthedocs.io/en/stable/"


def explained_at(name: str) -> str:
    """The address of the page that explains an error, a warning or a check, by its class's name or its id."""
    return f"{DOCUMENTATION}reference/errors.html#{name.lower().replace('.', '-')}"


class WauthError(Exception):
    """Root of all errors of windowsauth. A traceback ends with the address of the page that explains it."""

    def __init__(self, *args: object) -> None:
        super().__init__(*args)
        ours = next(each for each in type(self).__mro__ if each.__module__.startswith("wauth_"))
        self.add_note(f"See {explained_at(ours.__name__)}")


class ConfigurationError(WauthError):
    """A setting is missing, misspelt or impossible. The text says which, and what to write instead."""


class InvalidIdentity(WauthError, ValueError):
    """A text that cannot name a Windows user.

    *value* is what came in, shown with ``%r`` and shortened: it is untrusted.
    """

    def __init__(self, value: object, reason: str) -> None:
        self.value = value
        self.reason = reason
        shown = repr(value)
        if len(shown) > 80:
            shown = shown[:77] + "..."
        super().__init__(f"{shown} is not a Windows user name: {reason}")


class UnknownDomain(ConfigurationError, LookupError):
    """No settings are configured for *domain*; a ``__default__`` does not serve it, if there is one
    (*default* then says why not)."""

    def __init__(self, domain: str, known: tuple[str, ...] = (), *, default: str = "") -> None:
        self.domain = domain
        self.known = known
        names = ", ".join(sorted(known)) or "none"
        remedy = f'"__default__" does not serve it: {default}.' if default else 'or a "__default__" entry.'
        super().__init__(
            f"No settings for the domain {domain!r}. Configured: {names}. "
            f"Add it to WAUTH_DOMAINS{'. ' if default else ', '}{remedy}"
        )


class DirectoryError(WauthError):
    """Something went wrong between us and the directory."""


class DirectoryUnavailable(DirectoryError):
    """No configured server answered in time. Nothing is known about the user: keep what was known before."""


class DirectoryOffline(DirectoryUnavailable):
    """The directory was silent a moment ago, and is not asked now. The answer costs no time."""


class TLSError(DirectoryUnavailable):
    """The server's certificate or host name did not verify; the text names the remedy."""


class BindError(DirectoryError):
    """The service account could not sign in to the directory.

    *code* is AD's sub-code in lower-case hex ("52e", "775", …) where the server gave one
    (https://learn.microsoft.com/en-us/windows/win32/debug/system-error-codes--1300-1699-).
    """

    def __init__(self, message: str, *, code: str | None = None) -> None:
        self.code = code
        super().__init__(message)


class SigningRequired(BindError):
    """The domain controller wants LDAP signing (result 8, strongerAuthRequired): use LDAPS or StartTLS."""


class ChannelBindingRequired(BindError):
    """The domain controller wants an LDAP channel binding token (80090346)."""


class ReadOnlyError(DirectoryError):
    """A write was tried through a read-only manager. Set READ_ONLY=False for a domain that may write."""


class OperationFailed(DirectoryError):
    """The directory answered an operation with an error.

    *result* is the LDAP result code (RFC 4511, appendix A), *description* its name.
    """

    def __init__(self, message: str, *, result: int, description: str = "") -> None:
        self.result = result
        self.description = description
        super().__init__(message)


class ChangeRefused(OperationFailed):
    """The directory refused a change; nothing of that request was done.

    *reason* is "policy", "old password", "rights", "protected", "exists", "missing", "not empty", "schema",
    "constraint", "encryption" or "refused"; *code* is AD's own number in upper-case hex ("0000052D"), if it gave one
    (https://learn.microsoft.com/en-us/windows/win32/debug/system-error-codes). *done* are the edits
    of the same call that came before this one, and stay.
    """

    def __init__(
        self, message: str, *, result: int, description: str = "", reason: str = "refused", code: str | None = None
    ) -> None:
        self.reason = reason
        self.code = code
        self.done: tuple[object, ...] = ()
        super().__init__(message, result=result, description=description)


class ChangeUncertain(DirectoryUnavailable):
    """The connection broke between a change and its answer. It was made or not: look before you try again."""


class MembershipUnreadable(DirectoryError):
    """The service account may not read which groups a user is in; nothing may be concluded from that."""


class NotFound(DirectoryError, LookupError):
    """Nothing in the directory matches *wanted*."""

    kind = "object"

    def __init__(self, wanted: object, domain: str, kind: str | None = None) -> None:
        self.wanted = wanted
        self.domain = domain
        self.kind = kind or self.kind
        super().__init__(f"No {self.kind} {wanted!r} in the domain {domain}.")


class UserNotFound(NotFound):
    """No user matches."""

    kind = "user"


class GroupNotFound(NotFound):
    """No group matches."""

    kind = "group"


class Ambiguous(DirectoryError, LookupError):
    """Several entries match *wanted*; the first one is never taken. *dns* names them."""

    kind = "objects"

    def __init__(self, wanted: object, domain: str, dns: tuple[str, ...] = (), kind: str | None = None) -> None:
        self.wanted = wanted
        self.domain = domain
        self.dns = dns
        self.kind = kind or self.kind
        listed = "; ".join(dns[:5]) or "several entries"
        super().__init__(f"{len(dns) or 'Several'} {self.kind} match {wanted!r} in the domain {domain}: {listed}.")


class AmbiguousUser(Ambiguous):
    """Several users match."""

    kind = "users"


class AmbiguousGroup(Ambiguous):
    """Several groups match."""

    kind = "groups"


class SyncError(WauthError):
    """A user could not be brought in step with the directory, for a reason of the application's own store."""


class BulkDeactivationRefused(SyncError):
    """A bulk sync wanted to deactivate more users than the brake allows; nothing was written."""

    def __init__(self, wanted: int, total: int, limit: float) -> None:
        self.wanted = wanted
        self.total = total
        self.limit = limit
        super().__init__(
            f"This sync would deactivate {wanted} of {total} users, more than the {limit:.0%} that is "
            f"allowed at once. Check SEARCH_BASE and USER_QUERY_FILTER, or raise the limit for this one run."
        )


class BulkRunning(SyncError):
    """Another bulk sync of *domain* is at work on the same users. Nothing was done."""

    def __init__(self, domain: str) -> None:
        self.domain = domain
        super().__init__(f"Another bulk sync of the domain {domain} is running; this one has done nothing.")
