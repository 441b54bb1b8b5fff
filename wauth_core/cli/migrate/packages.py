"""What each package's settings become. Each function takes the file's names and values, and the result to fill."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from wauth_core.cli.migrate.report import Migrated
from wauth_core.cli.migrate.settings_file import Call, SourceText
from wauth_core.directory import filters
from wauth_core.settings import LDAPSettings
from wauth_core.site_settings import SiteSettings, public_name

_ATTRIBUTE = re.compile(r"\(([A-Za-z][\w.-]*)=%\(user\)s\)")
_FLAGS = {"is_active": "ACTIVE_GROUPS", "is_staff": "STAFF_GROUPS", "is_superuser": "SUPERUSER_GROUPS"}
_NESTED = "not needed: groups are found in the whole domain, nested ones too, and compared by SID."
_OPTIONS = "python-ldap's; see CA_FILE, CONNECT_TIMEOUT, OPERATION_TIMEOUT. Referrals are never followed."
_PASSWORDS = "not needed: wauth_django.backends.LDAPBackend checks a password by one bind and never takes an empty one."

DJANGO_AUTH_LDAP_NOTES = {
    "GROUP_SEARCH": _NESTED,
    "GROUP_TYPE": _NESTED,
    "FIND_GROUP_PERMS": "no equal. MIRROR_GROUPS or GROUP_MAP put people into Django's groups, which have permissions.",
    "ALWAYS_UPDATE_USER": "a signed-in user is updated whenever WAUTH_RESYNC_DELTA has passed.",
    "AUTHORIZE_ALL_USERS": "rights are Django's: flags and groups, for every backend.",
    "BIND_AS_AUTHENTICATING_USER": "no equal: the service account reads, the user's password is only tried.",
    "REFRESH_DN_ON_BIND": "not needed: people are known by GUID.",
    "PERMIT_EMPTY_PASSWORD": "no equal: an empty password never leaves the process.",
    "PERMIT_EMPTY_PASSWORDS": "no equal: an empty password never leaves the process.",
    "USER_ATTRLIST": "not needed: the attributes in USER_FIELD_MAP are read.",
    "USERNAME_PREFIX": "no equal: WAUTH_USERNAME_FORMAT makes the name in Django.",
    "GLOBAL_OPTIONS": _OPTIONS,
    "CONNECTION_OPTIONS": _OPTIONS,
}
PYTHON3_LDAP_NOTES = {
    "CLEAN_USER_DATA": "a function: give such a one for a field in USER_FIELD_MAP.",
    "SYNC_USER_RELATIONS": "a function: see WAUTH_BEFORE_SYNC, and the signal after a sync.",
    "FORMAT_SEARCH_FILTERS": "a function: write its filter into USER_QUERY_FILTER.",
    "FORMAT_USERNAME": "not needed: a sign-in is DOMAIN\\name, name@domain, or a plain name.",
    "TLS_VERSION": "not needed: TLS 1.2 or later, certificates verified.",
    "TLS_CIPHERS": "no equal: the system's.",
    "TLS_ARGS": "see CA_FILE and TLS_VERIFY.",
    "CONNECT_ARGS": "ldap3's; see CONNECTION_OPTIONS.",
    "POOL_ACTIVE": "not needed: every server of the list is tried, and a silent one is left alone for a while.",
    "TEST_USER_USERNAME": _PASSWORDS,
    "TEST_USER_EMAIL": _PASSWORDS,
    "TEST_USER_PASSWORD": _PASSWORDS,
}
FLASK_NOTES = {
    "GROUP_DN": _NESTED,
    "GROUP_SEARCH_SCOPE": _NESTED,
    "GROUP_OBJECT_FILTER": _NESTED,
    "GROUP_MEMBERS_ATTR": _NESTED,
    "GET_GROUP_ATTRIBUTES": _NESTED,
    "SEARCH_FOR_GROUPS": _NESTED,
    "USER_RDN_ATTR": "not needed: people are looked for, not guessed by DN.",
    "USER_SEARCH_SCOPE": "no equal: the whole tree under SEARCH_BASE.",
    "GET_USER_ATTRIBUTES": "windows_user.attributes has those in USER_FIELD_MAP, and asks for more.",
    "FAIL_AUTH_ON_MULTIPLE_FOUND": "always: the first of several is never taken.",
    "BIND_DIRECT_CREDENTIALS": "no equal: the service account reads, the user's password is only tried.",
    "BIND_DIRECT_PREFIX": "no equal.",
    "BIND_DIRECT_SUFFIX": "no equal.",
    "BIND_DIRECT_GET_USER_INFO": "no equal.",
    "ALWAYS_SEARCH_BIND": "always.",
    "BIND_AUTHENTICATION_TYPE": "see AUTHENTICATION.",
    "CHECK_NAMES": "not needed.",
    "ADD_SERVER": "not needed.",
    "MOCK_DATA": "see wauth_core.testing.EmbeddedDirectory: a directory for tests.",
}


def django_auth_ldap(given: Mapping[str, Any], to: Migrated) -> None:
    """``AUTH_LDAP_*``, of django-auth-ldap 5."""
    names = _Named(given, "AUTH_LDAP_", to, DJANGO_AUTH_LDAP_NOTES)
    to.server("AUTH_LDAP_SERVER_URI", names.take("SERVER_URI", "ldap://localhost"), bool(names.take("START_TLS")))
    to.domain["USERNAME"] = names.take("BIND_DN", "")
    to.password("AUTH_LDAP_BIND_PASSWORD", names.take("BIND_PASSWORD", ""))
    login = _search(names.take("USER_SEARCH"), names.take("USER_DN_TEMPLATE"), to)
    to.domain["USER_FIELD_MAP"] = {"username": login, **(names.take("USER_ATTR_MAP") or {})}
    if (field := names.take("USER_QUERY_FIELD")) is not None:
        to.domain["USER_QUERY_FIELD"] = field
    _flags(names.take("USER_FLAGS_BY_GROUP") or {}, to)
    for name, ours in (("REQUIRE_GROUP", "REQUIRE_GROUPS"), ("DENY_GROUP", "DENY_GROUPS")):
        if name in names and (groups := to.groups(f"AUTH_LDAP_{name}", names.take(name))) is not None:
            to.domain[ours] = groups
    mirrored, without = names.take("MIRROR_GROUPS"), names.take("MIRROR_GROUPS_EXCEPT")
    if mirrored or without:
        taken_out = [f"!{name}" for name in without or ()]
        to.domain["MIRROR_GROUPS"] = [*mirrored, *taken_out] if isinstance(mirrored, list) else taken_out or True
    if names.take("NO_NEW_USERS"):
        to.site["WAUTH_CREATE_USERS"] = False
    if (seconds := names.take("CACHE_TIMEOUT")) is not None:
        to.site["WAUTH_RESYNC_DELTA"] = seconds
    names.rest()


def django_python3_ldap(given: Mapping[str, Any], to: Migrated) -> None:
    """``LDAP_AUTH_*``, of django-python3-ldap 0.16."""
    names = _Named(given, "LDAP_AUTH_", to, PYTHON3_LDAP_NOTES)
    names.take("CONNECT_USE_SSL")
    to.server("LDAP_AUTH_URL", names.take("URL", ["ldap://localhost:389"]), bool(names.take("USE_TLS")))
    to.name = str(names.take("ACTIVE_DIRECTORY_DOMAIN") or "")
    to.domain["USERNAME"] = names.take("CONNECTION_USERNAME") or ""
    if to.name and to.domain["USERNAME"] and "\\" not in str(to.domain["USERNAME"]):
        to.domain["USERNAME"] = f"{to.name}\\{to.domain['USERNAME']}"
    to.password("LDAP_AUTH_CONNECTION_PASSWORD", names.take("CONNECTION_PASSWORD"))
    to.domain["SEARCH_BASE"] = names.take("SEARCH_BASE", "ou=people,dc=example,dc=com")
    fields = names.take("USER_FIELDS")
    to.domain["USER_FIELD_MAP"] = fields or {
        "username": "uid",
        "first_name": "givenName",
        "last_name": "sn",
        "email": "mail",
    }
    lookup = names.take("USER_LOOKUP_FIELDS", ["username"])
    to.domain["USER_QUERY_FIELD"] = lookup[0] if isinstance(lookup, list) else lookup
    if isinstance(lookup, list) and len(lookup) > 1:
        to.note("LDAP_AUTH_USER_LOOKUP_FIELDS", "one field looks people up; after the first sign-in it is the GUID.")
    if (kind := names.take("OBJECT_CLASS")) not in (None, "user", "inetOrgPerson"):
        to.domain["USER_QUERY_FILTER"] = filters.equals("objectClass", str(kind))
    for name, ours in (("CONNECT_TIMEOUT", "CONNECT_TIMEOUT"), ("RECEIVE_TIMEOUT", "OPERATION_TIMEOUT")):
        if (seconds := names.take(name)) is not None:
            to.domain[ours] = seconds
    _flags({}, to)
    names.rest()


def flask_ldap3_login(given: Mapping[str, Any], to: Migrated) -> None:
    """``LDAP_*``, of flask-ldap3-login 1."""
    to.flask = True
    names = _Named(given, "LDAP_", to, FLASK_NOTES)
    host, port = names.take("HOST", "localhost"), names.take("PORT", 389)
    names.take("USE_SSL")
    scheme = "ldaps" if port == 636 or str(host).startswith("ldaps") else "ldap"
    name = re.sub(r"^ldaps?://", "", host) if isinstance(host, str) else host
    to.server("LDAP_HOST", f"{scheme}://{name}" if isinstance(name, str) else name, False)
    if port not in (389, 636):
        to.domain["SERVER"] = f"ldaps://{name}:{port}"
    to.domain["USERNAME"] = names.take("BIND_USER_DN") or ""
    to.password("LDAP_BIND_USER_PASSWORD", names.take("BIND_USER_PASSWORD"))
    base, people = names.take("BASE_DN", ""), names.take("USER_DN")
    computed = [part for part in (people, base) if isinstance(part, SourceText | Call)]
    to.domain["SEARCH_BASE"] = computed[0] if computed else ",".join(str(part) for part in (people, base) if part)
    login = names.take("USER_LOGIN_ATTR", "uid")
    to.domain["USER_FIELD_MAP"] = {"username": login, "first_name": "givenName", "last_name": "sn", "email": "mail"}
    wanted = names.take("USER_OBJECT_FILTER")
    if wanted and str(wanted).lower() != "(objectclass=person)":
        to.domain["USER_QUERY_FILTER"] = wanted
    if names.take("READONLY", True) is False:
        to.domain["READ_ONLY"] = False
    _flags({}, to)
    names.rest()


def django_windowsauth(given: Mapping[str, Any], to: Migrated) -> None:
    """``WAUTH_*``, of django-windowsauth 1.4: the same names; what they may not say here is noted."""
    for name in [name for name in given if name.startswith("WAUTH_")]:
        if name != "WAUTH_DOMAINS" and name not in map(public_name, SiteSettings.names()):
            to.note(name, "no setting of that name here.")
            continue
        to.site[name] = given[name]
    known = set(LDAPSettings.__dataclass_fields__)
    domains = to.site.get("WAUTH_DOMAINS")
    for domain, settings in (domains if isinstance(domains, dict) else {}).items():
        for name in settings if isinstance(settings, dict) else ():
            if name not in known:
                to.note(
                    f"{domain}: {name}", "no setting of that name here; LDAPSettings may be subclassed for your own."
                )
        if isinstance(settings, dict) and isinstance(settings.get("PASSWORD"), str):
            held = Migrated(to.package)
            held.password(f"{domain}: PASSWORD", settings["PASSWORD"])
            settings.update(held.domain)
            to.notes += held.notes
    to.note(
        "windows_auth", "replace windows_auth. by wauth_django. in INSTALLED_APPS, MIDDLEWARE, AUTHENTICATION_BACKENDS."
    )


PACKAGES: dict[str, tuple[str, Callable[[Mapping[str, Any], Migrated], None]]] = {
    "django-auth-ldap": ("AUTH_LDAP_", django_auth_ldap),
    "django-python3-ldap": ("LDAP_AUTH_", django_python3_ldap),
    "django-windowsauth": ("WAUTH_", django_windowsauth),
    "flask-ldap3-login": ("LDAP_", flask_ldap3_login),  # the last: its prefix begins the second's
}


class _Named:
    """The settings of one prefix, each taken once; the rest get their note."""

    def __init__(self, given: Mapping[str, Any], prefix: str, to: Migrated, notes: Mapping[str, str]) -> None:
        self._given = {name.removeprefix(prefix): value for name, value in given.items() if name.startswith(prefix)}
        self._prefix, self._to, self._notes = prefix, to, notes

    def __contains__(self, name: str) -> bool:
        return name in self._given

    def take(self, name: str, default: Any = None) -> Any:
        return self._given.pop(name, default)

    def rest(self) -> None:
        for name in self._given:
            self._to.note(f"{self._prefix}{name}", self._notes.get(name, "no equal that is known here."))


def _search(search: object, template: object, to: Migrated) -> str:
    """SEARCH_BASE, and what else the filter says; returns the attribute of the login."""
    searches = list(search.arguments) if isinstance(search, Call) and search.name == "LDAPSearchUnion" else [search]
    plain = [
        each for each in searches if isinstance(each, Call) and each.name == "LDAPSearch" and len(each.arguments) > 1
    ]
    if not plain:
        if isinstance(template, str):
            attribute, _, base = template.partition(",")
            to.domain["SEARCH_BASE"] = base
            return attribute.partition("=")[0]
        to.domain["SEARCH_BASE"] = ""
        to.note("AUTH_LDAP_USER_SEARCH", "could not be read: give SEARCH_BASE, the DN under which people are.")
        return "sAMAccountName"
    bases = [each.arguments[0] for each in plain]
    to.domain["SEARCH_BASE"] = bases[0] if len(bases) == 1 else bases
    wanted = str(plain[0].arguments[2]) if len(plain[0].arguments) > 2 else ""
    found = _ATTRIBUTE.search(wanted)
    if found:
        rest = wanted.replace(found[0], "", 1)
        rest = re.sub(r"^\(&(\(.*\))\)$", r"\1", rest) if rest.count("(") == 2 else rest
        if rest and rest not in ("(&)", "(objectClass=user)"):
            to.domain["USER_QUERY_FILTER"] = rest
    if any("SUBTREE" not in repr(each.arguments[1]) for each in plain):
        to.note("AUTH_LDAP_USER_SEARCH", "the whole tree under SEARCH_BASE is searched, not one level.")
    return found[1] if found else "sAMAccountName"


def _flags(flags: Mapping[str, Any], to: Migrated) -> None:
    """Flags by group. What gave no flag gives none here either: our defaults would (Domain Admins)."""
    for flag, ours in _FLAGS.items():
        groups = to.groups(f"{flag}", flags[flag]) if flag in flags else None
        if groups is not None or ours != "ACTIVE_GROUPS":
            to.domain[ours] = groups
    more = {flag: to.groups(flag, groups) for flag, groups in flags.items() if flag not in _FLAGS}
    if more:
        to.domain["FLAG_MAP"] = more
