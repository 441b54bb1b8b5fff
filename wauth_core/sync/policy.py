"""What the settings of a domain ask for, as one frozen value that `plan` can work with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any

from wauth_core.directory.entries import DirectoryUser
from wauth_core.exceptions import ConfigurationError, SyncError, WauthError
from wauth_core.identity import Identity, canonical_domain, fold_username
from wauth_core.settings import DEFAULT_FIELDS, NAME_FIELD, LDAPSettings, as_names, mapped_attributes
from wauth_core.site_settings import SiteSettings
from wauth_core.sync.repository import ACTIVE as ACTIVE
from wauth_core.sync.repository import UserSnapshot, Wanted

_LOGON_NAMES = frozenset({"samaccountname", "uid"})
PROPAGATION = ("is_superuser", "is_staff", ACTIVE)  # each gives the ones after it
_FLAG_SETTINGS = {"is_superuser": "SUPERUSER_GROUPS", "is_staff": "STAFF_GROUPS", ACTIVE: "ACTIVE_GROUPS"}
_NAMED_IN, _GROUP_SETTINGS = ("USER_FIELD_MAP", "FLAG_MAP"), ("GROUP_MAP", "MIRROR_GROUPS")


def asked_of_users(settings: LDAPSettings) -> dict[str, tuple[str, ...]]:
    """What settings ask the application's users to have, by setting: fields, flags, and "groups".

    A setting that was left at its default asks for nothing, nor does one whose value a function has yet to give.
    """
    default = LDAPSettings(SERVER="-", SEARCH_BASE="-")
    given = {
        name: value
        for name in (*_NAMED_IN, "USER_QUERY_FIELD", *_FLAG_SETTINGS.values(), *_GROUP_SETTINGS)
        if not callable(value := vars(settings)[name]) and value != getattr(default, name)
    }
    asked = {name: tuple(given[name] or ()) for name in _NAMED_IN if name in given}
    if "USER_QUERY_FIELD" in given:
        asked["USER_QUERY_FIELD"] = (given["USER_QUERY_FIELD"],)
    asked |= {name: (flag,) for flag, name in _FLAG_SETTINGS.items() if name in given}
    return asked | {name: ("groups",) for name in _GROUP_SETTINGS if name in given}


@dataclass(frozen=True)
class Policy:
    """The part of `LDAPSettings` and `SiteSettings` that says what a directory user becomes in the application.

    *flags* and *group_map* hold the names of directory groups for each flag or application group; a flag whose
    setting is None is not there at all. *mirror* holds patterns, *mirror_except* those of groups that are left out;
    *mirror_all* is MIRROR_GROUPS=True, or nothing but exceptions.
    """

    domain: str
    fields: Mapping[str, str | Callable[[DirectoryUser], Any]]
    query_field: str = NAME_FIELD
    name_field: str | None = None
    flags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    group_map: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    mirror: tuple[str, ...] = ()
    mirror_except: tuple[str, ...] = ()
    mirror_all: bool = False
    require: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    account_state: bool = True
    propagate: bool = True
    lowercase: bool = True
    by_upn: bool = False
    username_format: str | Callable[[DirectoryUser], str] = "{username}"
    adopt: bool = False
    patience: timedelta = timedelta(minutes=10)  # how long controllers may lag behind one another: WAUTH_RESYNC_DELTA
    asked: frozenset[str] = frozenset()  # see `Wanted`

    @classmethod
    def of(cls, domain: str, settings: LDAPSettings, site: SiteSettings, name_field: str | None = None) -> Policy:
        """Read *settings* (bound to a domain) and *site*. Raises `ConfigurationError`.

        *name_field* is the field of the application's users that holds their name, if the application says so.
        """
        flags = {flag: getattr(settings, name) for flag, name in _FLAG_SETTINGS.items()}
        flags.update(settings.FLAG_MAP or {})
        given = settings.MIRROR_GROUPS
        patterns = () if isinstance(given, bool) else as_names(given)
        mirror = tuple(pattern for pattern in patterns if not pattern.startswith("!"))
        fields, query_field = dict(settings.USER_FIELD_MAP), settings.USER_QUERY_FIELD
        if not fields:
            raise ConfigurationError(f"Domain {domain}: USER_FIELD_MAP is empty; map at least the user name.")
        if name_field is not None and name_field != NAME_FIELD:  # then the defaults speak of a field that is not there
            if fields == DEFAULT_FIELDS:
                del fields[NAME_FIELD]
            if query_field == NAME_FIELD and NAME_FIELD not in fields:
                query_field = name_field
        if name_field is not None:
            fields = {name_field: DEFAULT_FIELDS[NAME_FIELD], **fields}
        return cls(
            domain=canonical_domain(domain),
            fields=fields,
            query_field=query_field,
            name_field=name_field,
            flags={flag: as_names(groups) for flag, groups in flags.items() if groups is not None},
            group_map={group: as_names(groups) for group, groups in (settings.GROUP_MAP or {}).items()},
            mirror=mirror,
            mirror_except=tuple(pattern[1:] for pattern in patterns if pattern not in mirror),
            mirror_all=given is True or bool(patterns and not mirror),
            require=as_names(settings.REQUIRE_GROUPS),
            deny=as_names(settings.DENY_GROUPS),
            account_state=settings.ACCOUNT_STATE,
            propagate=settings.PROPAGATE_GROUPS,
            lowercase=site.lowercase_username,
            by_upn=site.use_spn,
            username_format=site.username_format,
            adopt=site.adopt_existing_users,
            patience=site.resync_delta or timedelta(minutes=10),
            asked=frozenset()
            if site.ignore_setting_warnings
            else frozenset(name for asked in asked_of_users(settings).values() for name in asked),
        )

    @property
    def username_field(self) -> str:
        """The application's field for the name a user goes by. If the application does not say which, the one mapped
        from sAMAccountName; if several are, or none is, USER_QUERY_FIELD.
        """
        if self.name_field is not None:
            return self.name_field
        mapped = [name for name, source in self.fields.items() if _is_logon_name(source)]
        return self.query_field if self.query_field in mapped or not mapped else mapped[0]

    @property
    def names_are_unique(self) -> bool:
        """Whether no two people of the domain can go by the same name in the application."""
        return _is_logon_name(self.fields.get(self.username_field)) and not callable(self.username_format)

    @property
    def query_attribute(self) -> str:
        """The directory's attribute that USER_QUERY_FIELD is compared with."""
        attribute = self.fields.get(self.query_field)
        return attribute if isinstance(attribute, str) else "sAMAccountName"

    @property
    def has_own_key(self) -> bool:
        """Whether a link without a GUID says by USER_QUERY_FIELD whose it is, and not by the logon name."""
        return self.query_attribute.lower() not in _LOGON_NAMES

    def key_of(self, user: DirectoryUser) -> str:
        """What a user whose link has no GUID must have in USER_QUERY_FIELD to be *user*'s."""
        if self.query_field == self.username_field:
            return self.username(user)
        return str(attribute_value(user, self.query_attribute) or "")

    def recognises(self, user: DirectoryUser, mine: UserSnapshot) -> bool:
        """Whether *mine*, found by the name in its link, is *user*'s. Its USER_QUERY_FIELD may say otherwise."""
        if not self.has_own_key or mine.link is None or mine.link.guid is not None:
            return True
        said = str(mine.fields.get(self.query_field) or "")
        return not said or fold_username(said) == fold_username(self.key_of(user))

    @property
    def wanted(self) -> Wanted:
        """What a repository must read."""
        flags = tuple(dict.fromkeys((*self.flags, ACTIVE)))
        fields = tuple(dict.fromkeys((*self.fields, *((self.query_field,) if self.has_own_key else ()))))
        return Wanted(fields, flags, self.username_field, groups=bool(self.group_map) or self.mirrors, asked=self.asked)

    @property
    def mirrors(self) -> bool:
        """Whether application groups follow directory groups of the same name."""
        return self.mirror_all or bool(self.mirror)

    @property
    def attributes(self) -> tuple[str, ...]:
        """The directory's attributes that are mapped to fields; all, if a function may look at any."""
        functions = any(map(callable, (self.username_format, *self.fields.values())))
        return (*mapped_attributes(self.fields), *(("*",) if functions else ()))

    @property
    def group_names(self) -> tuple[str, ...]:
        """Every directory group that the settings name."""
        found = [name for groups in (*self.flags.values(), *self.group_map.values()) for name in groups]
        return tuple(dict.fromkeys((*found, *self.require, *self.deny)))

    def check(self, resolved: Mapping[str, frozenset[str]]) -> None:
        """Raise `ConfigurationError` if a group that cannot be found would shut everybody out, or let anybody in.

        A name that gives rights and cannot be found gives nobody the right. But a DENY_GROUPS that cannot be found
        would deny nobody, and REQUIRE_GROUPS of which none can be found would deactivate everybody: both stop here.
        """
        missing = [name for name in self.deny if not resolved.get(name)]
        if missing:
            raise ConfigurationError(
                f"Domain {self.domain}: DENY_GROUPS names {missing[0]!r}, which is not one group of the directory. "
                f"Nobody can be synchronised until it is set right."
            )
        if self.require and not any(resolved.get(name) for name in self.require):
            raise ConfigurationError(
                f"Domain {self.domain}: REQUIRE_GROUPS names {self.require[0]!r}, which is not one group of the "
                f"directory. Nobody can be synchronised until it is set right."
            )

    def mirrored(self, group: str) -> bool:
        """Whether the application's *group* follows the directory group of its name.

        A group that GROUP_MAP speaks of follows that alone.
        """
        if group in self.group_map:
            return False
        name = fold_username(group)

        def matches(patterns: tuple[str, ...]) -> bool:
            return any(fnmatchcase(name, fold_username(pattern)) for pattern in patterns)

        return (self.mirror_all or matches(self.mirror)) and not matches(self.mirror_except)

    def logon_name(self, user: DirectoryUser) -> str:
        """How *user* is spelled in a link, and by front ends.

        The sAMAccountName (where the directory is not AD, what people sign in by); with WAUTH_USE_SPN the UPN's prefix,
        where its suffix is this domain.
        """
        name = user.username
        prefix, _, suffix = (user.upn or "").rpartition("@")
        if self.by_upn and prefix and suffix.lower() == self.domain.lower():
            name = prefix
        return self._spelled(name)

    def identity(self, username: str) -> Identity:
        """The identity of a name in a link of this domain. Raises `InvalidIdentity`."""
        return Identity(self.domain, username, self.by_upn)

    def answers_to(self, user: DirectoryUser, username: str) -> bool:
        """Whether *username*, which a front end gave, is a name of *user*."""
        return fold_username(username) in {fold_username(user.username), fold_username(self.logon_name(user))}

    def is_surely(self, user: DirectoryUser, username: str) -> bool:
        """Whether *username* is *user*'s and can be nobody else's: with WAUTH_USE_SPN another's UPN may begin with
        *user*'s sAMAccountName."""
        own = f"{username}@{self.domain}" if self.by_upn else None
        if own is not None and fold_username(user.upn or "") != fold_username(own):
            return False
        return self.answers_to(user, username)

    def username(self, user: DirectoryUser) -> str:
        """The name *user* goes by in the application, by WAUTH_LOWERCASE_USERNAME and WAUTH_USERNAME_FORMAT."""
        if callable(self.username_format):
            name = call_hook("WAUTH_USERNAME_FORMAT", self.username_format, user)
            if not isinstance(name, str) or not name.strip():
                raise SyncError(f"WAUTH_USERNAME_FORMAT gave {name!r} for {user.dn!r}: it must give a text.")
            return name
        source = self.fields.get(self.username_field)
        otherwise = (user.upn or user.username) if source == "mail" else user.username  # not everybody has a mailbox
        name = str((self.value(user, self.username_field) if source is not None else None) or otherwise)
        return self.username_format.format(username=self._spelled(name), domain=self.domain)

    def value(self, user: DirectoryUser, name: str) -> Any:
        """What the field *name* takes from *user*; None if there is nothing. Raises `SyncError`."""
        source = self.fields[name]
        if callable(source):
            return call_hook(f"USER_FIELD_MAP[{name!r}]", source, user)
        return attribute_value(user, source)

    def _spelled(self, name: str) -> str:
        return fold_username(name) if self.lowercase else name


def call_hook(name: str, function: Callable[..., Any], *args: Any) -> Any:
    """Call the application's *function*, which the settings call *name*. It stops this one user if it raises.

    Raises `SyncError`, or what `WauthError` the function raises.
    """
    try:
        return function(*args)
    except WauthError:
        raise
    except Exception as error:
        raise SyncError(f"{name} raised {type(error).__name__}: {error}") from error


def _is_logon_name(source: object) -> bool:
    return isinstance(source, str) and source.lower() == "samaccountname"


def attribute_value(user: DirectoryUser, attribute: str) -> Any:
    """The value of *attribute* as a field can hold it; None if the user has none.

    Several values become one text, in alphabetical order, since a directory keeps no order.
    """
    value = user.attributes.get(attribute)
    if isinstance(value, (list, tuple, set, frozenset)):
        values = list(value)
        if len(values) <= 1:
            return values[0] if values else None
        return ", ".join(sorted(str(item) for item in values))
    return value
