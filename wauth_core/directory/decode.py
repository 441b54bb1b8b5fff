"""From octets to Python values, by the attribute's name: GUIDs, SIDs, times, flags, text. Pure; needs no schema."""

from __future__ import annotations

import struct
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from wauth_core.directory.entries import AccountState
from wauth_core.identity import fold_username

# userAccountControl, MS-ADTS 2.2.16; the last two only in msDS-User-Account-Control-Computed
ACCOUNT_DISABLE = 0x2
LOCKOUT = 0x10
DONT_EXPIRE_PASSWORD = 0x10000
PASSWORD_EXPIRED = 0x800000

SECURITY_GROUP = 0x80000000  # groupType, MS-ADTS 2.2.12
NEVER = 0x7FFFFFFFFFFFFFFF  # accountExpires, MS-ADTS 2.2.18

_EPOCH = datetime(1601, 1, 1, tzinfo=timezone.utc)


class Attributes(Mapping[str, Any]):
    """Decoded attributes by name. Names compare without case, and are listed as the server spells them."""

    __slots__ = ("_names", "_values")

    def __init__(self, values: Mapping[str, Any] | None = None) -> None:
        self._names = {name.lower(): name for name in values or ()}
        self._values = {name.lower(): value for name, value in (values or {}).items()}

    def __getitem__(self, name: str) -> Any:
        return self._values[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._names.values())

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(dict(self))


def several(value: Any) -> list[Any]:
    """The values of a decoded attribute, which may be none, one or a list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def guid(value: bytes) -> uuid.UUID:
    """objectGUID: 16 octets, the first three fields little-endian (MS-DTYP 2.3.4.2). Raises ValueError."""
    return uuid.UUID(bytes_le=value)


def sid(value: bytes) -> str:
    """A binary SID (MS-DTYP 2.4.2.2) as ``S-1-…``. Raises ValueError."""
    if len(value) < 8 or len(value) != 8 + 4 * value[1]:
        raise ValueError("not a SID")
    authority = int.from_bytes(value[2:8], "big")
    return "-".join(map(str, ("S", value[0], authority, *struct.unpack(f"<{value[1]}I", value[8:]))))


def sid_octets(text: str) -> bytes:
    """The binary form of ``S-1-…``. Raises ValueError."""
    try:
        letter, revision, authority, *rest = text.split("-")
        if letter.upper() != "S":
            raise ValueError
        head = bytes((int(revision), len(rest))) + int(authority).to_bytes(6, "big")
        return head + b"".join(int(part).to_bytes(4, "little") for part in rest)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is not a SID") from None


def filetime(value: bytes) -> datetime | None:
    """100 ns intervals since 1601 (MS-DTYP 2.3.3) as an aware datetime; None for "never" and beyond year 9999."""
    ticks = int(value)
    if ticks <= 0 or ticks >= NEVER:
        return None
    try:
        return _EPOCH + timedelta(microseconds=ticks // 10)
    except OverflowError:
        return None


def duration(value: bytes) -> timedelta | None:
    """A length of time as AD has it: negative 100 ns intervals; None for "for ever" (MS-SAMR 2.2.2.1)."""
    ticks = int(value)
    return None if ticks <= -NEVER else timedelta(microseconds=-ticks // 10)


def ticks(moment: datetime) -> int:
    """*moment* (aware) as a FILETIME."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 10


def generalized_time(value: bytes) -> datetime | None:
    """``20240131120000.0Z`` (RFC 4517 3.3.13) as an aware datetime; None for AD's "no time", which is before year 1."""
    text = value.decode("ascii")
    digits, zone = (text[:-1], timezone.utc) if text.endswith("Z") else (text, timezone.utc)
    for sign in "+-":
        if sign in digits:
            digits, _, offset = digits.partition(sign)
            minutes = int(offset[:2]) * 60 + int(offset[2:] or 0)
            zone = timezone(timedelta(minutes=minutes if sign == "+" else -minutes))
    digits, _, fraction = digits.replace(",", ".").partition(".")
    if digits.startswith("0000"):
        return None
    moment = datetime.strptime(digits.ljust(14, "0"), "%Y%m%d%H%M%S").replace(tzinfo=zone)
    return moment + timedelta(seconds=float(f"0.{fraction or 0}"))


def _text(value: bytes) -> Any:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


def _uuid_text(value: bytes) -> uuid.UUID:
    return uuid.UUID(value.decode("ascii"))


def _flag(value: bytes) -> bool:
    return value.upper() == b"TRUE"


_DECODERS: Mapping[str, Callable[[bytes], Any]] = {
    **dict.fromkeys(("objectguid", "msexchmailboxguid", "schemaidguid", "ms-ds-consistencyguid"), guid),
    "entryuuid": _uuid_text,
    **dict.fromkeys(
        ("objectsid", "sidhistory", "tokengroups", "tokengroupsglobalanduniversal", "securityidentifier"), sid
    ),
    **dict.fromkeys(
        [
            "accountexpires",
            "badpasswordtime",
            "lastlogon",
            "lastlogoff",
            "lastlogontimestamp",
            "lockouttime",
            "pwdlastset",
            "msds-userpasswordexpirytimecomputed",
            "msds-lastsuccessfulinteractivelogontime",
            "msds-lastfailedinteractivelogontime",
            "creationtime",
        ],
        filetime,
    ),
    **dict.fromkeys(
        [
            "minpwdage",
            "maxpwdage",
            "lockoutduration",
            "lockoutobservationwindow",
            "forcelogoff",
            "msds-minimumpasswordage",
            "msds-maximumpasswordage",
            "msds-lockoutduration",
            "msds-lockoutobservationwindow",
        ],
        duration,
    ),
    **dict.fromkeys(
        [
            "whencreated",
            "whenchanged",
            "createtimestamp",
            "modifytimestamp",
            "currenttime",
            "dscorepropagationdata",
            "pwdchangedtime",
        ],
        generalized_time,
    ),
    **dict.fromkeys(
        [
            "useraccountcontrol",
            "grouptype",
            "samaccounttype",
            "primarygroupid",
            "usnchanged",
            "usncreated",
            "badpwdcount",
            "logoncount",
            "instancetype",
            "codepage",
            "countrycode",
            "admincount",
            "msds-user-account-control-computed",
            "systemflags",
            "uidnumber",
            "gidnumber",
            "msds-supportedencryptiontypes",
            "mspki-enrollment-servers",
            "objectversion",
            "msds-behavior-version",
            "ms-ds-machineaccountquota",
            "minpwdlength",
            "pwdhistorylength",
            "pwdproperties",
            "lockoutthreshold",
            "msds-minimumpasswordlength",
            "msds-passwordhistorylength",
            "msds-lockoutthreshold",
            "msds-passwordsettingsprecedence",
            "msds-managedpasswordinterval",
            "options",
            "trustdirection",
            "trusttype",
            "trustattributes",
        ],
        int,
    ),
    **dict.fromkeys(
        [
            "isdeleted",
            "isrecycled",
            "iscriticalsystemobject",
            "showinadvancedviewonly",
            "msds-userpasswordexpired",
            "msds-passwordcomplexityenabled",
            "msds-passwordreversibleencryptionenabled",
        ],
        _flag,
    ),
    **dict.fromkeys(
        [
            "thumbnailphoto",
            "jpegphoto",
            "photo",
            "usercertificate",
            "usersmimecertificate",
            "ntsecuritydescriptor",
            "logonhours",
            "cacertificate",
            "userparameters",
            "msds-generationid",
            "replpropertymetadata",
            "dnsrecord",
            "auditingpolicy",
            "msds-allowedtoactonbehalfofotheridentity",
        ],
        bytes,
    ),
}

_ALWAYS_MANY = frozenset(
    [
        "memberof",
        "member",
        "uniquemember",
        "memberuid",
        "objectclass",
        "proxyaddresses",
        "serviceprincipalname",
        "tokengroups",
        "tokengroupsglobalanduniversal",
        "sidhistory",
        "othermailbox",
        "othertelephone",
        "usercertificate",
        "directreports",
        "managedobjects",
        "dscorepropagationdata",
        "namingcontexts",
        "supportedcontrol",
        "supportedcapabilities",
        "supportedsaslmechanisms",
        "supportedldapversion",
    ]
)


def attribute(name: str, values: list[bytes]) -> Any:
    """The value of attribute *name*. It is a list if the attribute is known to hold several values, or holds several.

    A value that does not fit its attribute is returned as text, or as bytes if it is not UTF-8.
    """
    key = name.lower().partition(";")[0]
    decode = _DECODERS.get(key, _text)
    decoded = [_decoded(decode, value) for value in values]
    if len(decoded) == 1 and key not in _ALWAYS_MANY:
        return decoded[0]
    return decoded


def _decoded(decode: Callable[[bytes], Any], value: bytes) -> Any:
    try:
        return decode(value)
    except (ValueError, OverflowError, UnicodeDecodeError):
        return _text(value)


def attributes(raw: Mapping[str, list[bytes]]) -> Attributes:
    """All attributes of an entry, decoded."""
    return Attributes({name: attribute(name, values) for name, values in raw.items()})


def account_state(values: Mapping[str, Any], now: datetime) -> AccountState:
    """What the account attributes of an AD user mean at *now* (aware).

    msDS-User-Account-Control-Computed (MS-ADTS 3.1.1.4.5.17) says whether the account is locked or its password too
    old, by the domain's own policy. Without it lockoutTime shows a lock, and nothing shows an old password.
    """
    control = _number(values.get("userAccountControl"))
    computed = values.get("msDS-User-Account-Control-Computed")
    expires = values.get("accountExpires")
    expires_at = expires if isinstance(expires, datetime) else None
    must_change = "pwdLastSet" in values and values["pwdLastSet"] is None and not control & DONT_EXPIRE_PASSWORD
    if isinstance(computed, int):
        locked, password_expired = bool(computed & LOCKOUT), bool(computed & PASSWORD_EXPIRED)
    else:
        locked, password_expired = isinstance(values.get("lockoutTime"), datetime), False
    return AccountState(
        disabled=bool(control & ACCOUNT_DISABLE),
        expired=expires_at is not None and expires_at <= now,
        locked=locked,
        password_expired=password_expired and not must_change,
        must_change_password=must_change,
        expires_at=expires_at,
    )


def _number(value: Any) -> int:
    return value if isinstance(value, int) else 0


def is_security_group(values: Mapping[str, Any]) -> bool:
    """Whether a group gives rights: a distribution group does not. If there is no groupType, it does."""
    kind = values.get("groupType")
    return not isinstance(kind, int) or bool(kind & SECURITY_GROUP)


def fold(name: str) -> str:
    """A logon name, folded for comparing as AD's case table does: letter by letter. A final sigma is a sigma."""
    return fold_username(name).replace("ς", "σ")


def is_filetime(name: str) -> bool:
    """Whether attribute *name* holds a time as a FILETIME."""
    return _DECODERS.get(name.lower()) is filetime
