"""Result codes, and the texts that Active Directory sends with them."""

from __future__ import annotations

SUCCESS = 0
OPERATIONS_ERROR = 1
PROTOCOL_ERROR = 2
SIZE_LIMIT_EXCEEDED = 4
COMPARE_FALSE = 5
COMPARE_TRUE = 6
AUTH_METHOD_NOT_SUPPORTED = 7
STRONGER_AUTH_REQUIRED = 8
REFERRAL = 10
UNAVAILABLE_CRITICAL_EXTENSION = 12
NO_SUCH_ATTRIBUTE = 16
CONSTRAINT_VIOLATION = 19
ATTRIBUTE_OR_VALUE_EXISTS = 20
INVALID_ATTRIBUTE_SYNTAX = 21
NO_SUCH_OBJECT = 32
INVALID_DN_SYNTAX = 34
INVALID_CREDENTIALS = 49
INSUFFICIENT_ACCESS_RIGHTS = 50
BUSY = 51
UNAVAILABLE = 52
UNWILLING_TO_PERFORM = 53
NAMING_VIOLATION = 64
OBJECT_CLASS_VIOLATION = 65
NOT_ALLOWED_ON_NON_LEAF = 66
NOT_ALLOWED_ON_RDN = 67
ENTRY_ALREADY_EXISTS = 68
OTHER = 80


class Refused(Exception):
    """An operation's answer that is not success."""

    def __init__(self, code: int, text: str = "", *, matched_dn: str = "", referral: str | None = None) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text
        self.matched_dn = matched_dn
        self.referral = referral


def bad_credentials(data: str) -> Refused:
    """A bind refused, for the reason *data* (``52e``, ``533``, …)."""
    text = f"80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data {data}, v4563"
    return Refused(INVALID_CREDENTIALS, text + "\0")


def needs_bind() -> Refused:
    """The answer to an anonymous client for everything but the rootDSE."""
    text = (
        "000004DC: LdapErr: DSID-0C090A5C, comment: In order to perform this operation a successful bind "
        "must be completed on the connection., data 0, v4563"
    )
    return Refused(OPERATIONS_ERROR, text + "\0")


def needs_signing() -> Refused:
    """The answer to a simple bind without TLS if signing is required."""
    text = (
        "00002028: LdapErr: DSID-0C090259, comment: The server requires binds to turn on integrity checking "
        "if SSL\\TLS are not already active on the connection, data 0, v4563"
    )
    return Refused(STRONGER_AUTH_REQUIRED, text + "\0")


def no_object(best_match: str) -> Refused:
    """The entry is not there; *best_match* is the closest one that is."""
    text = f"0000208D: NameErr: DSID-03100245, problem 2001 (NO_OBJECT), data 0, best match of:\n\t'{best_match}'\n\0"
    return Refused(NO_SUCH_OBJECT, text, matched_dn=best_match)


def only_by_base_search() -> Refused:
    """tokenGroups asked for with another scope than BASE."""
    return Refused(OPERATIONS_ERROR, "00002120: SvcErr: DSID-0314021B, problem 5012 (DIR_ERROR), data 0\n\0")


def bad_name(name: str) -> Refused:
    """The text is no distinguished name."""
    text = f"0000208F: NameErr: DSID-03100225, problem 2006 (BAD_NAME), data 8350, best match of:\n\t'{name}'\n\0"
    return Refused(INVALID_DN_SYNTAX, text)


def elsewhere(dn: str, host: str) -> Refused:
    """The entry would be in somebody else's naming context."""
    text = f"0000202B: RefErr: DSID-0310082F, data 0, 1 access points\n\tref 1: '{host}'\n\0"
    return Refused(REFERRAL, text, referral=f"ldap://{host}/{dn}")


def no_rights() -> Refused:
    """The signed-in account may not do this."""
    return Refused(
        INSUFFICIENT_ACCESS_RIGHTS,
        "00002098: SecErr: DSID-031514B3, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0\n\0",
    )


def no_attribute() -> Refused:
    """The schema has no attribute of this name."""
    text = "00000057: LdapErr: DSID-0C090FC7, comment: Error in attribute conversion operation, data 0, v4563\0"
    return Refused(NO_SUCH_ATTRIBUTE, text)


def attribute_problem(code: int, win32: str, problem: str, name: str) -> Refused:
    """An attribute's values do not fit."""
    text = (
        f"{win32}: AtrErr: DSID-03152D2C, #1:\n"
        f"\t0: {win32}: DSID-03152D2C, problem {problem}, data 0, Att 0 ({name})\n\0"
    )
    return Refused(code, text)


def unwilling(win32: str = "0000209A") -> Refused:
    """AD is able to, but refuses."""
    return Refused(UNWILLING_TO_PERFORM, f"{win32}: SvcErr: DSID-031A1262, problem 5003 (WILL_NOT_PERFORM), data 0\n\0")


def invalid_argument(win32: str) -> Refused:
    """SAM does not accept the value."""
    return Refused(OTHER, f"{win32}: SysErr: DSID-031A1202, problem 22 (Invalid argument), data 0\n\0")


def update_problem(code: int, win32: str, problem: str) -> Refused:
    """The update would break the tree."""
    return Refused(code, f"{win32}: UpdErr: DSID-03050F94, problem {problem}, data 0\n\0")


def already_exists(win32: str = "00002071") -> Refused:
    """The name is taken."""
    return update_problem(ENTRY_ALREADY_EXISTS, win32, "6005 (ENTRY_EXISTS)")


def bad_control(code: int = UNAVAILABLE_CRITICAL_EXTENSION) -> Refused:
    """A control cannot be understood, or is not known."""
    if code == UNAVAILABLE_CRITICAL_EXTENSION:
        return Refused(code, "00002040: SvcErr: DSID-031401E7, problem 5010 (UNAVAIL_EXTENSION), data 0\n\0")
    return Refused(code, "00000057: LdapErr: DSID-0C09088D, comment: Error processing control, data 0, v4563\0")
