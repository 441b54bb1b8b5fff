"""What servers and sockets say went wrong, as errors with names and advice."""

from __future__ import annotations

import re
import ssl

from wauth_core.exceptions import (
    BindError,
    ChangeRefused,
    ChannelBindingRequired,
    DirectoryError,
    DirectoryUnavailable,
    OperationFailed,
    SigningRequired,
    TLSError,
)

# Result codes, RFC 4511 appendix A
SUCCESS = 0
OPERATIONS_ERROR = 1
TIME_LIMIT_EXCEEDED = 3
SIZE_LIMIT_EXCEEDED = 4
COMPARE_FALSE = 5
COMPARE_TRUE = 6
STRONGER_AUTH_REQUIRED = 8
REFERRAL = 10
CONFIDENTIALITY_REQUIRED = 13
SASL_BIND_IN_PROGRESS = 14
NO_SUCH_OBJECT = 32
INVALID_DN_SYNTAX = 34
CONSTRAINT_VIOLATION = 19
INVALID_CREDENTIALS = 49
INSUFFICIENT_ACCESS = 50
BUSY = 51
UNAVAILABLE = 52

_NAMES = {
    0: "success",
    1: "operationsError",
    2: "protocolError",
    3: "timeLimitExceeded",
    4: "sizeLimitExceeded",
    5: "compareFalse",
    6: "compareTrue",
    7: "authMethodNotSupported",
    8: "strongerAuthRequired",
    10: "referral",
    11: "adminLimitExceeded",
    12: "unavailableCriticalExtension",
    13: "confidentialityRequired",
    14: "saslBindInProgress",
    16: "noSuchAttribute",
    17: "undefinedAttributeType",
    18: "inappropriateMatching",
    19: "constraintViolation",
    20: "attributeOrValueExists",
    21: "invalidAttributeSyntax",
    32: "noSuchObject",
    34: "invalidDNSyntax",
    48: "inappropriateAuthentication",
    49: "invalidCredentials",
    50: "insufficientAccessRights",
    51: "busy",
    52: "unavailable",
    53: "unwillingToPerform",
    64: "namingViolation",
    65: "objectClassViolation",
    66: "notAllowedOnNonLeaf",
    67: "notAllowedOnRDN",
    68: "entryAlreadyExists",
    69: "objectClassModsProhibited",
    71: "affectsMultipleDSAs",
    80: "other",
}

_DATA = re.compile(r"\bdata ([0-9a-fA-F]{1,8})\b")


# https://learn.microsoft.com/en-us/windows/win32/debug/system-error-codes--1300-1699- (hexadecimal)
_SERVICE_ADVICE = {
    "525": "no such account: check USERNAME",
    "52e": "wrong user name or password: check USERNAME and PASSWORD",
    "530": "outside its logon hours: allow the service account all hours",
    "531": "not allowed from this computer: check the account's Log On To list",
    "532": "its password has expired: set a new one, and let the service account's password not expire",
    "533": "it is disabled: enable it",
    "701": "it has expired: extend the account",
    "773": "its password must be changed first: clear that option for the service account",
    "775": "it is locked out: unlock it, and look for another program that uses an old password",
}


# What a refused change means, and what to do: by AD's own number first, else by the result code.
_REFUSED: dict[str | int, tuple[str, str]] = {
    "0000052D": ("policy", "The password does not meet the domain's policy: length, complexity, history or age."),
    "00000056": ("old password", "The old password is not right."),
    "00000005": ("rights", "The service account may not do that: delegate the right to it."),
    "0000001F": ("encryption", "AD takes passwords over an encrypted connection only: USE_SSL=True or START_TLS=True."),
    "00000524": ("exists", "The name is taken by another account."),
    "00000523": ("constraint", "The name is not one that AD takes for an account."),
    "00000561": ("missing", "It is no member of that group."),
    "00000562": ("exists", "It is a member of that group already."),
    "000021C8": ("exists", "The user principal name is taken."),
    "000021C7": ("exists", "The service principal name is taken."),
    CONSTRAINT_VIOLATION: ("constraint", "A value is too long, not unique, or not one that AD takes there."),
    13: ("encryption", "AD wants an encrypted connection: USE_SSL=True or START_TLS=True."),
    8: ("encryption", "AD wants an encrypted connection: USE_SSL=True or START_TLS=True."),
    16: ("schema", "There is no such attribute, or no such value to take away."),
    17: ("schema", "The schema has no such attribute."),
    20: ("exists", "The value is there already, or the attribute takes one value only."),
    21: ("constraint", "A value is not of the attribute's syntax."),
    NO_SUCH_OBJECT: ("missing", "The entry, or the place where it should be, is not there."),
    INVALID_DN_SYNTAX: ("constraint", "A value is no DN."),
    INSUFFICIENT_ACCESS: ("rights", "The service account may not do that: delegate the right to it."),
    53: ("refused", "AD does not do that to this object."),
    64: ("schema", "An object of this class is not named so."),
    65: ("schema", "An object of this class has no such attribute, or lacks one that it must have."),
    66: ("not empty", "There is something below it. tree=True deletes that too."),
    67: ("schema", "A name is changed by rename()."),
    68: ("exists", "The name is taken."),
}
_WIN32 = re.compile(r"\b0000[0-9A-F]{4}\b")


def code_name(code: int) -> str:
    """The name of a result code."""
    return _NAMES.get(code, f"result {code}")


def sub_code(message: str) -> str | None:
    """AD's reason in a failed bind's diagnostic message ("… data 52e, v4563"), in lower-case hex."""
    found = _DATA.search(message)
    return found[1].lower() if found else None


def service_advice(reason: str | None) -> str:
    """What to do about a service account that was refused for *reason*, a sub-code."""
    return _SERVICE_ADVICE.get(reason or "", "wrong user name or password")


def bind_failed(code: int, message: str, *, account: str, server: str) -> DirectoryError:
    """The error for a bind of the service account that the server refused. The message of the server is kept."""
    if code in {BUSY, UNAVAILABLE}:
        return DirectoryUnavailable(f"{server} is {code_name(code)}: {message[:200]}")
    if "80090346" in message:
        return ChannelBindingRequired(
            f"{server} wants an LDAP channel binding token (80090346). Use AUTHENTICATION='KERBEROS' over LDAPS, or "
            f"set the domain controllers' LdapEnforceChannelBinding to 1 (when supported).",
            code="80090346",
        )
    if code in {STRONGER_AUTH_REQUIRED, CONFIDENTIALITY_REQUIRED}:
        return SigningRequired(
            f"{server} wants LDAP signing or encryption ({code_name(code)}). "
            f"Use LDAPS (USE_SSL=True) or START_TLS=True."
        )
    reason = sub_code(message)
    advice = _SERVICE_ADVICE.get(reason or "")
    if advice is None:
        advice = "wrong user name or password" if code == INVALID_CREDENTIALS else f"{code_name(code)}: {message[:200]}"
    return BindError(f"{server} refused the service account {account!r}: {advice}.", code=reason)


def operation_failed(code: int, message: str, *, what: str, server: str, held: str = "") -> DirectoryError:
    """The error for an operation that the server answered with a failure. *held* says what the server holds."""
    if code in {BUSY, UNAVAILABLE}:
        return DirectoryUnavailable(f"{server} is {code_name(code)}: {message[:200]}")
    if any(text in message for text in ("successful bind", "000004DC", "without authentication")):  # AD's and Samba's
        advice = " Nobody is signed in on the connection. This needs a service account: set USERNAME and PASSWORD."
    else:
        advice = {
            TIME_LIMIT_EXCEEDED: " The search took too long: narrow SEARCH_BASE or the filter.",
            SIZE_LIMIT_EXCEEDED: " The server limits the number of entries: narrow SEARCH_BASE or the filter.",
            NO_SUCH_OBJECT: " Check SEARCH_BASE.",
            INVALID_DN_SYNTAX: ' It is no DN: check SEARCH_BASE, such as "DC=example,DC=local".',
            REFERRAL: " Check SEARCH_BASE: it is in another domain or server. Configure that domain; referrals are not "
            "followed.",
            INSUFFICIENT_ACCESS: " The service account may not read this.",
        }.get(code, "")
    text = message.strip().splitlines()[0][:200] if message.strip() else ""
    return OperationFailed(
        f"{server} answered {what} with {code_name(code)}{f' ({text})' if text else ''}.{advice} {held}".rstrip(),
        result=code,
        description=code_name(code),
    )


def change_refused(code: int, message: str, *, what: str, server: str) -> DirectoryError:
    """The error for a change that the server refused: its reason by name, its own words, and what to do."""
    if code in {BUSY, UNAVAILABLE}:
        return DirectoryUnavailable(f"{server} is {code_name(code)}: {message[:200]}")
    found = _WIN32.search(message)
    number = found[0] if found else None
    reason, advice = _REFUSED.get(number or "") or _REFUSED.get(code) or ("refused", "")
    text = message.strip().splitlines()[0][:200] if message.strip() else ""
    return ChangeRefused(
        f"{server} refused {what}: {reason} ({code_name(code)}{f'; {text}' if text else ''}). {advice}".rstrip(),
        result=code,
        description=code_name(code),
        reason=reason,
        code=number,
    )


def tls_failed(error: Exception, *, host: str, ca_file: str | None) -> TLSError:
    """The error for a certificate or handshake that failed, naming the remedy."""
    trust = f"CA_FILE ({ca_file})" if ca_file else "the system's store of certificate authorities"
    if isinstance(error, ssl.SSLCertVerificationError):
        text = error.verify_message or str(error)
        if "ostname" in text or "IP address" in text:
            remedy = (
                f"its certificate is for another name. Set SERVER to a name that the certificate holds "
                f"(usually the domain controller's full name), not {host!r}"
            )
        elif "expired" in text:
            remedy = "its certificate has expired. Renew it on the domain controller"
        elif "not yet valid" in text:
            remedy = "its certificate is not yet valid. Check the clocks of both machines"
        else:
            remedy = (
                f"its certificate is not signed by an authority in {trust}. Set CA_FILE to the certificate of your "
                f"domain's certificate authority (PEM)"
            )
        return TLSError(f"TLS with {host} failed: {remedy}. [{text}]")
    detail = getattr(error, "reason", None) or str(error) or type(error).__name__
    return TLSError(
        f"TLS with {host} failed: {detail}. Check that the port speaks LDAPS (usually 636), "
        f"and that the domain controller has a certificate."
    )
