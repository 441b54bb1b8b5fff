"""The settings of one domain: `LDAPSettings`, which keeps the manual's names and defaults.

A person writes `LDAPSettings`, in which a value may be a function of the domain. `LDAPSettings.for_domain` makes of it
what a manager goes by: each function has been called, but that of PASSWORD, which `LDAPSettings.password` calls.
"""

from __future__ import annotations

import copy
import dataclasses
import inspect
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from wauth_core import secrets
from wauth_core import setting_kinds as kinds
from wauth_core.exceptions import ConfigurationError, explained_at
from wauth_core.setting_kinds import Declared, declared, default_of, one_of, setting, suggestion, unknown_setting

NAME_FIELD = "username"
DEFAULT_FIELDS = {NAME_FIELD: "sAMAccountName", "first_name": "givenName", "last_name": "sn", "email": "mail"}

Groups = str | Iterable[str] | None


class ConfigurationWarning(UserWarning):
    """A setting that looks wrong: most often a misspelt name, which the text sets right."""

    def __str__(self) -> str:
        return f"{super().__str__()} See {explained_at('ConfigurationWarning')}"


@dataclass(repr=False)
class LDAPSettings:
    """How to reach one domain, and what its people become. The manual's section 1.14, and more.

    Instances are frozen once made. Subclass it for defaults of your own or for extra settings; a field overridden
    without an annotation counts too. Raises `ConfigurationError` for a value that cannot work.
    """

    # -- the manual's
    SERVER: Any = setting(
        kinds.SERVERS,
        "",
        "Host name, URL (`ldaps://dc1.example.local:636`), or a list: the first that answers is used, the next ones "
        "when it fails. The domain's own name works too. `dns:example.local` asks DNS for the domain's controllers, "
        "those of the own site first (extra `discovery`).",
        example=["dc1.example.local", "dc2.example.local"],
        required="the host name or URL of a domain controller",
    )
    USERNAME: str = setting(
        kinds.ACCOUNT,
        "",
        r"The account that reads the directory: `DOMAIN\name` or `name@domain`. Reading is all it must be able to do. "
        "Empty means anonymous, or with `KERBEROS` the ticket of the process; see [without a service "
        "account](#without-a-service-account).",
        example=r"EXAMPLE\svc_web",
    )
    PASSWORD: Any = setting(
        kinds.SECRET,
        "",
        "Its password. Give a [secret](#secrets), not the text. Never shown. `manager.settings.password()` fetches it.",
        example=secrets.env("AD_PASSWORD"),
    )
    SEARCH_BASE: Any = setting(
        kinds.NAMES,
        "",
        "The DN, or the DNs, under which people are looked for. Who is not under one of them is nobody. Groups are "
        "found in the whole domain.",
        example="DC=example,DC=local",
        required='a DN such as "DC=example,DC=local"',
    )
    USE_SSL: bool = setting(kinds.BOOLEAN, True, "LDAPS, port 636.", example=True)
    READ_ONLY: bool = setting(kinds.BOOLEAN, True, "Refuse to add, change, move or delete anything.", example=False)
    COLLECT_METRICS: bool = setting(
        kinds.BOOLEAN, True, "Count operations; `manager.get_usage()` gives the figures.", example=False
    )
    SERVER_OPTIONS: dict[str, Any] = setting(
        kinds.LDAP3_OPTIONS, {}, "More arguments for ldap3's `Server`.", example={"port": 3269}
    )
    CONNECTION_OPTIONS: dict[str, Any] = setting(
        kinds.LDAP3_OPTIONS,
        {},
        "More arguments for ldap3's `Connection`. Never shown.",
        example={"authentication": "NTLM"},
    )
    PRELOAD_DEFINITIONS: Any = setting(
        kinds.DEFINITIONS,
        (("user", ["sAMAccountName"]), "group"),
        "Object classes, with more attributes, that `get_reader` and `get_definition` know of beforehand.",
        example=[("user", ["title", "department"]), "group"],
    )
    USER_FIELD_MAP: dict[str, Any] = setting(
        kinds.FIELD_MAP,
        DEFAULT_FIELDS,
        "Which field of the application's user takes which attribute. An attribute that is removed in the directory "
        "empties a text field; of other types we cannot know what empty is, so they stay. Instead of an attribute a "
        "function of the `DirectoryUser` may stand; see [hooks](#hooks).",
        example={"username": "sAMAccountName", "email": "mail", "job_title": "title"},
    )
    USER_QUERY_FIELD: str = setting(
        kinds.TEXT,
        NAME_FIELD,
        "How a link that was made by hand, and has no GUID yet, says whose it is: by this field of its user, "
        "compared with the attribute that the field is mapped to. The attribute must be unique. Sign-ins come by the "
        "sAMAccountName, whatever this says. (If the directory is not AD, they come by that attribute.)",
        example="email",
    )
    GROUP_ATTRS: Any = setting(
        kinds.NAMES, "cn", "The attributes by which these settings name groups.", example=["cn", "sAMAccountName"]
    )
    SUPERUSER_GROUPS: Groups = setting(
        kinds.GROUPS,
        "Domain Admins",
        "Whose members get `is_superuser`; everybody else loses it. None leaves the flag alone. The default means "
        "the well-known SID, in whatever language the domain speaks.",
        example="Web Admins",
    )
    STAFF_GROUPS: Groups = setting(
        kinds.GROUPS,
        "Administrators",
        "The same for `is_staff`. The default is the built-in group S-1-5-32-544.",
        example=["Web Editors", "Helpdesk"],
    )
    ACTIVE_GROUPS: Groups = setting(kinds.GROUPS, None, "The same for `is_active`.", example="Domain Users")
    GROUP_MAP: dict[str, Any] = setting(
        kinds.GROUPS_BY_NAME,
        {},
        "Application group to directory groups: whoever is in one of them is put into the application's group, "
        "everybody else is taken out. Groups that are not listed are left alone; a missing one is made.",
        example={"editors": ["Web Editors", "Press"]},
    )
    # -- release 1.4's
    USER_QUERY_FILTER: Any = setting(
        kinds.FILTER,
        None,
        "An LDAP filter, or attributes with values, that a person must match as well.",
        example={"department": "Sales"},
    )
    PROPAGATE_GROUPS: bool = setting(
        kinds.BOOLEAN,
        True,
        "Superusers are staff, staff are active, if those flags are set at all. An unset flag is never touched.",
        example=False,
    )
    FLAG_MAP: dict[str, Any] = setting(
        kinds.GROUPS_BY_NAME,
        {},
        'Further flags of the user, and their Groups: `{"is_editor": "Editors"}`.',
        example={"is_editor": "Web Editors"},
    )
    # -- ours
    TLS_VERIFY: bool = setting(
        kinds.BOOLEAN,
        True,
        "Check the server's certificate and name. **Without it anybody in between reads the service account's "
        "password and every visitor's rights are theirs to choose.**",
        example=True,
    )
    CA_FILE: str | None = setting(
        kinds.PATH,
        None,
        "The authority that signed the controllers' certificates, in PEM. None means the system's. In TOML a "
        "relative path starts at the file's folder.",
        example="/etc/ssl/example-ca.pem",
    )
    START_TLS: bool = setting(
        kinds.BOOLEAN, False, "Begin on port 389 and switch to TLS before anything else is said.", example=True
    )
    ALLOW_INSECURE_PLAINTEXT_BIND: bool = setting(
        kinds.BOOLEAN,
        False,
        "Let a password go over an unencrypted connection. **Anybody in between reads it.**",
        example=False,
    )
    AUTHENTICATION: str = setting(
        one_of("SIMPLE", "KERBEROS", "NTLM"),
        "SIMPLE",
        "`SIMPLE`, `KERBEROS` or `NTLM`. `KERBEROS` needs no password: [how](../iis/secrets.md).",
        example="KERBEROS",
    )
    CLIENT_KEYTAB: str | None = setting(
        kinds.PATH,
        None,
        "With `KERBEROS`, not on Windows: a file of keys, from which tickets are got and renewed in the process. "
        "Without it the process's own ticket is used. In TOML a relative path starts at the file's folder.",
        example="/etc/web.keytab",
    )
    POOL_SIZE: int = setting(kinds.POSITIVE, 8, "Connections at most. More threads than that wait.", example=16)
    CONNECT_TIMEOUT: int = setting(kinds.POSITIVE, 5, "Seconds until a server counts as down.", example=2)
    OPERATION_TIMEOUT: int = setting(
        kinds.POSITIVE, 10, "Seconds until an operation is given up, retry and failover included.", example=5
    )
    PAGE_SIZE: int = setting(
        kinds.POSITIVE, 500, "Entries to a page in long answers. AD gives 1,000 at most.", example=1000
    )
    MEMBERSHIP: str = setting(
        one_of("auto", "tokenGroups", "memberOf", "in_chain"),
        "auto",
        "How nested groups are found: `tokenGroups` (AD), a walk over `memberOf`, or `in_chain` (rule 1941, slow). "
        "`auto` takes tokenGroups on AD and the walk elsewhere.",
        example="memberOf",
    )
    ACCOUNT_STATE: bool = setting(
        kinds.BOOLEAN,
        True,
        "A disabled, expired or deleted account deactivates the user at the next sync and takes flags and groups "
        "away. Coming back restores them.",
        example=True,
    )
    REQUIRE_GROUPS: Groups = setting(
        kinds.GROUPS,
        None,
        "Only members of one of these may sign in; others are treated as disabled. If none of the names fits a "
        "group, no sync is made at all.",
        example="Web Users",
    )
    DENY_GROUPS: Groups = setting(
        kinds.GROUPS,
        None,
        "Members of one of these may not. If one name fits no group, no sync is made at all: it might be the one.",
        example="Contractors",
    )
    GC: Any = setting(
        kinds.SERVERS,
        None,
        "The forest's Global Catalog (port 3269, or 3268 without TLS): host names, URLs, or `dns:` and the forest's "
        r"name. Group names in the settings may then be those of other domains of the forest, also as `DOMAIN\group`; "
        "scripts have `manager.global_catalog`.",
        example="dns:example.local",
    )
    MIRROR_GROUPS: Any = setting(
        kinds.PATTERNS,
        False,
        "True: the user is in the application's groups that are called like the directory groups (by sAMAccountName) "
        'they are in. Patterns (`"app-*"`): only groups of such a name. A pattern after `!` takes groups out: '
        '`"!app-secret*"`. See [below](#groups).',
        example=["app-*", "!app-secret*"],
    )

    _domain: ClassVar[str | None] = None
    _functions: ClassVar[Mapping[str, Any]] = MappingProxyType({})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        known = {f.name for f in dataclasses.fields(cls)}  # the parents': this class is not processed yet
        annotations = inspect.get_annotations(cls)
        for name, value in list(vars(cls).items()):
            if not name.isupper():
                continue
            if name in known and name not in annotations:
                annotations[name] = "Any"
            elif name not in annotations and (close := suggestion(name, known)):
                warnings.warn(
                    f"{cls.__name__}.{name} is not a setting. Did you mean {close}?",
                    ConfigurationWarning,
                    stacklevel=2,
                )
            if name in annotations and isinstance(value, dict | list | set):
                setattr(cls, name, default_of(value))
        cls.__annotations__ = annotations
        cls.__repr__ = LDAPSettings.__repr__  # type: ignore[method-assign]
        # A plain subclass becomes a dataclass here. A decorated one is processed once more by its decorator,
        # which must find the fields that this first pass consumed.
        defaults = {name: value for name, value in vars(cls).items() if isinstance(value, dataclasses.Field)}
        dataclass(cls)
        for name, value in defaults.items():
            setattr(cls, name, value)

    def __new__(cls, *args: Any, **kwargs: Any) -> LDAPSettings:
        known = [f.name for f in dataclasses.fields(cls)]
        for name in kwargs:
            if name not in known:
                raise ConfigurationError(unknown_setting(name, known, "LDAPSettings"))
        return super().__new__(cls)

    def __post_init__(self) -> None:
        self._check()
        object.__setattr__(self, "_sealed", True)

    def _what_is_wrong(self) -> str:
        try:
            self._check()
        except ConfigurationError as error:
            return str(error)
        return ""

    def _check(self) -> None:
        for name, about in _DECLARED.items():
            value = getattr(self, name)
            if not callable(value):
                about.kind.read(name, value)
            if about.required and not value:
                raise ConfigurationError(f"{name} is required: {about.required}.")
        if self.CLIENT_KEYTAB and self.AUTHENTICATION in ("SIMPLE", "NTLM") and not self.CONNECTION_OPTIONS:
            raise ConfigurationError("CLIENT_KEYTAB means something with AUTHENTICATION='KERBEROS' only.")

    @property
    def search_bases(self) -> tuple[str, ...]:
        """SEARCH_BASE, of which there may be several."""
        return as_names(self.SEARCH_BASE)

    @property
    def is_resolved(self) -> bool:
        """Whether these are a domain's, made by `for_domain`."""
        return self._domain is not None

    def for_domain(self, domain: str) -> LDAPSettings:
        """These settings as they are for *domain*: a frozen value, for which each function has been called, once.

        Only PASSWORD stays what was written; see `password`. Raises `ConfigurationError` if a function returns
        what its setting cannot be.
        """
        found = copy.copy(self)
        functions = {
            name: value
            for name, value in vars(self).items()
            if name.isupper() and callable(value) and not (name in _DECLARED and _DECLARED[name].kind.is_lazy)
        }
        for name, function in functions.items():
            object.__setattr__(found, name, function(domain))
        object.__setattr__(found, "_domain", domain)
        object.__setattr__(found, "_functions", functions)
        if wrong := found._what_is_wrong():
            raise ConfigurationError(wrong)  # from here: a debug page shows the local variables of a check
        return found

    def password(self) -> str | bytes | None:
        """The PASSWORD. A function or secret that was given for it is called now. Raises `ConfigurationError`."""
        value = self.PASSWORD
        if not callable(value):
            return value  # type: ignore[no-any-return]
        value = value(self._domain)
        if not isinstance(value, str | bytes | None):
            del value  # a debug page shows the values of local variables
            raise ConfigurationError("PASSWORD is a function that returns neither a text nor None.")
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        if "_sealed" in vars(self):
            raise dataclasses.FrozenInstanceError(f"cannot assign to {name!r}: settings are frozen")
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        raise dataclasses.FrozenInstanceError(f"cannot delete {name!r}: settings are frozen")

    def __repr__(self) -> str:
        # By name too: a subclass that overrides PASSWORD makes a field of its own, which would be shown. What a
        # function returned may be a secret: the function is shown.
        shown = {
            f.name: self._functions.get(f.name, vars(self)[f.name])
            for f in dataclasses.fields(self)
            if f.repr and f.name in vars(self) and not (f.name in _DECLARED and _DECLARED[f.name].kind.is_hidden)
        }
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in shown.items())})"


_DECLARED: Mapping[str, Declared] = declared(LDAPSettings)


def as_names(value: Groups) -> tuple[str, ...]:
    """The names that a setting holds, as a tuple. The setting may be None, one text or several."""
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)


def mapped_attributes(field_map: Mapping[str, Any]) -> tuple[str, ...]:
    """The attributes that USER_FIELD_MAP names."""
    return tuple(dict.fromkeys(source for source in field_map.values() if isinstance(source, str)))
