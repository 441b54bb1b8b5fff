"""Settings: the manual's spellings and defaults, the mixing of entries, and what is said about mistakes."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import sys
import warnings
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wauth_core import ConfigurationError, LDAPSettings
from wauth_core.domain_settings import DomainSettings
from wauth_core.exceptions import UnknownDomain
from wauth_core.setting_kinds import duration
from wauth_core.settings import ConfigurationWarning, as_names
from wauth_core.site_settings import SiteSettings

REQUIRED = {"SERVER": "example.local", "SEARCH_BASE": "DC=example,DC=local"}
CANARY = "canary-77aa"

MANUAL_DEFAULTS = {  # section 1.14.4
    "USE_SSL": True,
    "READ_ONLY": True,
    "COLLECT_METRICS": True,
    "SERVER_OPTIONS": {},
    "CONNECTION_OPTIONS": {},
    "PRELOAD_DEFINITIONS": (("user", ["sAMAccountName"]), "group"),
    "USER_FIELD_MAP": {
        "username": "sAMAccountName",
        "first_name": "givenName",
        "last_name": "sn",
        "email": "mail",
    },
    "USER_QUERY_FIELD": "username",
    "GROUP_ATTRS": "cn",
    "SUPERUSER_GROUPS": "Domain Admins",
    "STAFF_GROUPS": "Administrators",
    "ACTIVE_GROUPS": None,
    "GROUP_MAP": {},
}


@pytest.mark.parametrize("name", MANUAL_DEFAULTS)
def test_defaults_are_the_manuals(name: str) -> None:
    """Every setting that the manual documents has the default that it documents."""
    assert getattr(LDAPSettings(**REQUIRED), name) == MANUAL_DEFAULTS[name]


def test_defaults_are_not_shared() -> None:
    """A dictionary of one domain is not the dictionary of another."""
    first, second = LDAPSettings(**REQUIRED), LDAPSettings(**REQUIRED)
    first.USER_FIELD_MAP["telephone"] = "telephoneNumber"
    assert "telephone" not in second.USER_FIELD_MAP


def test_settings_are_frozen() -> None:
    """What was configured stays."""
    settings = LDAPSettings(**REQUIRED)
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.SERVER = "evil"
    with pytest.raises(dataclasses.FrozenInstanceError):
        del settings.SERVER
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.for_domain("EXAMPLE").PASSWORD = "x"


def test_settings_are_values() -> None:
    """They compare, copy, replace and pickle."""
    settings = LDAPSettings(**REQUIRED, PASSWORD=CANARY)
    assert settings == LDAPSettings(**REQUIRED, PASSWORD=CANARY)
    assert copy.deepcopy(settings) == settings
    assert dataclasses.replace(settings, SERVER="other").SERVER == "other"
    assert pickle.loads(pickle.dumps(settings)) == settings


def test_no_password_in_a_repr() -> None:
    """Neither the password nor ldap3's options show."""
    settings = LDAPSettings(**REQUIRED, PASSWORD=CANARY, CONNECTION_OPTIONS={"password": CANARY})
    for shown in (repr(settings), str(settings), repr(settings.for_domain("EXAMPLE")), f"{settings}"):
        assert CANARY not in shown
        assert "example.local" in shown


IMPOSSIBLE: list[Any] = [
    pytest.param({"SERVER": ""}, "SERVER is required", id="no server"),
    pytest.param({"SEARCH_BASE": ""}, "SEARCH_BASE is required", id="no search base"),
    pytest.param({"USE_SSL": "yes"}, "USE_SSL must be True or False", id="text for a boolean"),
    pytest.param({"READ_ONLY": 0}, "READ_ONLY must be True or False", id="a number for a boolean"),
    pytest.param({"POOL_SIZE": 0}, "POOL_SIZE must be a whole number", id="an empty pool"),
    pytest.param({"OPERATION_TIMEOUT": 2.5}, "OPERATION_TIMEOUT must be a whole number", id="half a second"),
    pytest.param({"PAGE_SIZE": True}, "PAGE_SIZE must be a whole number", id="a boolean for a number"),
    pytest.param({"CLIENT_KEYTAB": "web.keytab"}, "with AUTHENTICATION='KERBEROS' only", id="a keytab for nothing"),
    pytest.param({"CLIENT_KEYTAB": 3}, "CLIENT_KEYTAB must be the path", id="a number for a keytab"),
    pytest.param({"AUTHENTICATION": "simple"}, "AUTHENTICATION must be one of SIMPLE", id="lower case method"),
    pytest.param({"MEMBERSHIP": "memberof"}, "MEMBERSHIP must be one of", id="misspelt method"),
    pytest.param({"USERNAME": 3}, "USERNAME must be a text, not 3", id="a number for a text"),
    pytest.param({"SERVER": 3}, "SERVER must be the host name or URL", id="a number for a server"),
    pytest.param({"SERVER": ["dc1", 3]}, "SERVER must be the host name or URL", id="a number among servers"),
    pytest.param({"STAFF_GROUPS": {"a": 1}}, "STAFF_GROUPS must be a name or a list", id="a table for names"),
    pytest.param({"DENY_GROUPS": [b"x"]}, "DENY_GROUPS must be a name or a list", id="bytes for a name"),
    pytest.param({"MIRROR_GROUPS": 3}, "MIRROR_GROUPS must be True, False, or patterns", id="a number for patterns"),
    pytest.param({"GROUP_MAP": ["editors"]}, "GROUP_MAP must be a dictionary", id="a list for a table"),
    pytest.param({"FLAG_MAP": {"is_editor": 1}}, "FLAG_MAP must be a dictionary", id="a number for a flag's groups"),
    pytest.param({"USER_FIELD_MAP": "mail"}, "USER_FIELD_MAP must be a dictionary", id="a text for a table"),
    pytest.param({"USER_FIELD_MAP": {"email": ["mail"]}}, "of texts", id="a list for an attribute"),
    pytest.param({"SERVER_OPTIONS": "x"}, "SERVER_OPTIONS must be a dictionary", id="a text for options"),
    pytest.param({"CA_FILE": 3}, "CA_FILE must be the path of a file", id="a number for a path"),
    pytest.param({"PASSWORD": {"envv": "AD"}}, "PASSWORD must be a text or a secret", id="misspelt kind of secret"),
    pytest.param({"USER_QUERY_FILTER": ["(a=b)"]}, "must be an LDAP filter", id="a list for a filter"),
    pytest.param({"PRELOAD_DEFINITIONS": "user"}, "must be a list of object classes", id="a text for definitions"),
    pytest.param({"PRELOAD_DEFINITIONS": [("user", "title")]}, "object classes", id="a text for its attributes"),
    pytest.param({"USE_SLL": True}, "Did you mean 'USE_SSL'", id="misspelt name"),
    pytest.param({"USER_FILED_MAP": {}}, "Did you mean 'USER_FIELD_MAP'", id="the manual's own misprint"),
    pytest.param({"server": "x"}, "Did you mean 'SERVER'", id="lower case name"),
]


@pytest.mark.parametrize(("given", "message"), IMPOSSIBLE)
def test_what_cannot_work_is_refused(given: dict[str, Any], message: str) -> None:
    """A value that cannot work is an error that says what to write."""
    with pytest.raises(ConfigurationError, match=message):
        LDAPSettings(**{**REQUIRED, **given})


@pytest.mark.parametrize("setting", ["PASSWORD", "CONNECTION_OPTIONS"])
def test_a_secret_of_the_wrong_kind_is_not_shown(setting: str) -> None:
    """The error for a value that may hold a secret names the setting, and not the value."""
    with pytest.raises(ConfigurationError) as caught:
        LDAPSettings(**{**REQUIRED, setting: [CANARY]})
    assert setting in str(caught.value)
    assert CANARY not in str(caught.value)


# -- subclasses, as the manual prints them


def test_the_manuals_subclass_with_a_field_map() -> None:
    """Section 1.6: a decorated subclass that overrides USER_FIELD_MAP without an annotation."""

    @dataclass()
    class MyLDAPSettings(LDAPSettings):
        USER_FIELD_MAP = {  # noqa: RUF012 - as printed
            "username": "sAMAccountName",
            "telephone": "telephoneNumber",
        }

    made = MyLDAPSettings(SERVER="example.local", SEARCH_BASE="DC=example,DC=local", USERNAME="EXAMPLE\\bind_account")
    assert made.USER_FIELD_MAP == {"username": "sAMAccountName", "telephone": "telephoneNumber"}
    other = MyLDAPSettings(**REQUIRED)
    made.USER_FIELD_MAP["x"] = "y"
    assert "x" not in other.USER_FIELD_MAP
    assert MyLDAPSettings(**REQUIRED, USER_FIELD_MAP={"username": "uid"}).USER_FIELD_MAP == {"username": "uid"}


def test_the_manuals_subclass_with_defaults() -> None:
    """Section 1.14.2: a subclass with annotated and un-annotated defaults, decorated or not."""

    @dataclass()
    class Decorated(LDAPSettings):
        USE_SSL: bool = False
        SUPERUSER_GROUPS = "Site Admins"

    class Plain(LDAPSettings):
        USE_SSL = False
        SUPERUSER_GROUPS = "Site Admins"

    for kind in (Decorated, Plain):
        made = kind(**REQUIRED)
        assert (made.USE_SSL, made.SUPERUSER_GROUPS) == (False, "Site Admins")
        assert kind(**REQUIRED, USE_SSL=True).USE_SSL is True


def test_the_manuals_extra_setting() -> None:
    """Section 1.14.3: a subclass may have settings of its own, which nothing warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        @dataclass()
        class MyLDAPSettings(LDAPSettings):
            EXTRA_SETTING: str = "Hello, world!"
            LIST_SETTING: list[str] = field(default_factory=lambda: ["a"])

        class Further(MyLDAPSettings):
            EXTRA_SETTING = "Hello again!"

    assert MyLDAPSettings(**REQUIRED).EXTRA_SETTING == "Hello, world!"
    assert Further(**REQUIRED).EXTRA_SETTING == "Hello again!"
    assert Further(**REQUIRED, EXTRA_SETTING="x").EXTRA_SETTING == "x"
    assert Further(**REQUIRED).LIST_SETTING == ["a"]


def test_a_misspelt_setting_in_a_subclass() -> None:
    """The class is made, with a warning that sets the name right."""
    with pytest.warns(ConfigurationWarning, match="Did you mean USER_FIELD_MAP"):

        class MyLDAPSettings(LDAPSettings):
            USER_FILED_MAP = {"username": "uid"}  # noqa: RUF012 - as printed


def test_a_subclass_shows_no_password() -> None:
    """A subclass, which has a repr of its own as a dataclass, hides the password too."""

    @dataclass()
    class MyLDAPSettings(LDAPSettings):
        PASSWORD: str = CANARY
        EXTRA: int = 1

    class Plain(LDAPSettings):
        PASSWORD = CANARY

    assert CANARY not in repr(MyLDAPSettings(**REQUIRED))
    assert CANARY not in repr(Plain(**REQUIRED))
    assert CANARY not in repr(Plain(**REQUIRED).for_domain("EXAMPLE"))


def test_fields_of_a_subclass_on_this_python() -> None:
    """Dataclasses read annotations differently from release to release; the fields are the same in all."""

    class MyLDAPSettings(LDAPSettings):
        POOL_SIZE = 2
        EXTRA: int = 1

    listed = [f.name for f in dataclasses.fields(MyLDAPSettings)]
    assert listed == [*(f.name for f in dataclasses.fields(LDAPSettings)), "EXTRA"], sys.version


# -- callables


def test_functions_are_called_once_and_the_passwords_at_each_use() -> None:
    """A setting may be a function of the domain. As written it stays a function; only PASSWORD's does for a domain."""
    asked: list[str] = []
    named: list[str] = []

    def password(domain: str) -> str:
        asked.append(domain)
        return f"{CANARY}-{len(asked)}"

    def username(domain: str) -> str:
        named.append(domain)
        return f"{domain}\\bind"

    settings = LDAPSettings(**REQUIRED, USERNAME=username, PASSWORD=password)
    assert settings.USERNAME is username
    assert named == []
    resolved = settings.for_domain("EXAMPLE")
    assert [resolved.USERNAME, resolved.USERNAME] == ["EXAMPLE\\bind", "EXAMPLE\\bind"]
    assert named == ["EXAMPLE"]
    assert asked == []
    assert [f"{CANARY}-1", f"{CANARY}-2"] == [resolved.password(), resolved.password()]
    assert asked == ["EXAMPLE", "EXAMPLE"]


def test_reading_a_setting_calls_nothing() -> None:
    """No attribute of settings is a call in disguise: what is read is what is stored."""
    assert "__getattribute__" not in vars(LDAPSettings)
    assert "__getattr__" not in vars(LDAPSettings)


def test_what_a_function_returned_is_in_no_repr() -> None:
    """It may be a secret of the site's own: the repr shows the function."""

    class Mine(LDAPSettings):
        API_KEY: Any = None

    resolved = Mine(**REQUIRED, API_KEY=lambda domain: CANARY).for_domain("EXAMPLE")
    assert resolved.API_KEY == CANARY  # type: ignore[attr-defined]
    assert CANARY not in repr(resolved)
    assert "<lambda>" in repr(resolved)


def test_what_a_callable_gives_is_checked_too() -> None:
    """A function's wrong value is refused when it is called, and a wrong password is not shown."""
    with pytest.raises(ConfigurationError, match="POOL_SIZE must be a whole number"):
        LDAPSettings(**REQUIRED, POOL_SIZE=lambda domain: -1).for_domain("EXAMPLE")
    with pytest.raises(ConfigurationError, match="SERVER is required"):
        LDAPSettings(SERVER=lambda domain: "", SEARCH_BASE="DC=x").for_domain("EXAMPLE")
    settings = LDAPSettings(**REQUIRED, PASSWORD=lambda domain: [CANARY]).for_domain("EXAMPLE")
    with pytest.raises(ConfigurationError, match="PASSWORD is a function") as caught:
        settings.password()
    assert CANARY not in str(caught.value)


# -- all domains together


def test_default_fills_what_a_domain_does_not_say() -> None:
    """Section 1.14.2, as printed."""
    domains = DomainSettings(
        {
            "__default__": {"USE_SSL": True, "STAFF_GROUPS": "Helpdesk"},
            "EXAMPLE1": {**REQUIRED, "USE_SSL": False},
            "EXAMPLE2": {**REQUIRED},
        }
    )
    assert (domains["EXAMPLE1"].USE_SSL, domains["EXAMPLE2"].USE_SSL) == (False, True)
    assert domains["EXAMPLE1"].STAFF_GROUPS == "Helpdesk"
    assert list(domains) == ["EXAMPLE1", "EXAMPLE2"]


def test_default_serves_domains_that_are_not_listed() -> None:
    """A domain nobody listed gets the default's settings, bound to its own name."""
    domains = DomainSettings({"__default__": {**REQUIRED, "SERVER": lambda domain: f"{domain.lower()}.example"}})
    assert domains["surprise"].SERVER == "surprise.example"
    assert "anything" in domains
    assert list(domains) == []


def test_an_unknown_domain() -> None:
    """Without a default the error lists what is configured."""
    domains = DomainSettings({"EXAMPLE": REQUIRED})
    with pytest.raises(UnknownDomain, match=r"'OTHER'.*EXAMPLE"):
        domains["OTHER"]
    assert "OTHER" not in domains


@pytest.mark.parametrize("asked", ["EXAMPLE", "example", "Example"])
def test_domains_compare_without_case(asked: str) -> None:
    """NetBIOS names and FQDNs have no case; the settings' own spelling is what callables get."""
    domains = DomainSettings({"Example": {**REQUIRED, "USERNAME": lambda domain: domain}})
    assert domains[asked].USERNAME == "Example"
    assert domains.canonical(asked) == "Example"


ENTRIES: list[Any] = [
    pytest.param({**REQUIRED}, id="dictionary"),
    pytest.param(LDAPSettings(**REQUIRED), id="object"),
    pytest.param(lambda domain: {**REQUIRED}, id="function that gives a dictionary"),
    pytest.param(lambda domain: LDAPSettings(**REQUIRED), id="function that gives an object"),
]


@pytest.mark.parametrize("default", [*ENTRIES, pytest.param(None, id="no default")])
@pytest.mark.parametrize("entry", ENTRIES)
def test_kinds_of_entries_mix(entry: Any, default: Any) -> None:
    """Dictionaries, objects and functions may stand beside one another, and as the default."""
    given = {"EXAMPLE": entry, **({"__default__": default} if default is not None else {})}
    assert DomainSettings(given)["EXAMPLE"].SERVER == "example.local"


def test_a_subclass_as_the_default() -> None:
    """A dictionary takes its class, and so its extra settings, from a default that is an object."""

    class Mine(LDAPSettings):
        EXTRA: str = "of the class"

    domains = DomainSettings({"__default__": Mine(**REQUIRED), "EXAMPLE": {"EXTRA": "of the domain"}, "OTHER": {}})
    assert (domains["EXAMPLE"].EXTRA, domains["OTHER"].EXTRA) == ("of the domain", "of the class")  # type: ignore[attr-defined]


def test_problems_are_found() -> None:
    """Misspelt, incomplete and impossible entries are reported, each with its domain; the rest works."""
    domains = DomainSettings(
        {
            "GOOD": REQUIRED,
            "MISSPELT": {**REQUIRED, "USER_FILED_MAP": {}, "NONSENSE_XYZ": 1},
            "INCOMPLETE": {"SERVER": "x"},
            "WRONG": 7,
        }
    )
    found = {(problem.domain, problem.message) for problem in domains.problems()}
    assert {domain for domain, _ in found} == {"MISSPELT", "INCOMPLETE", "WRONG"}
    messages = "\n".join(message for _, message in found)
    assert "Did you mean 'USER_FIELD_MAP'" in messages
    assert "Unknown setting 'NONSENSE_XYZ' in the domain MISSPELT." in messages
    assert "SEARCH_BASE is required" in messages
    assert domains["MISSPELT"].SERVER == "example.local"


def test_a_required_setting_that_is_misspelt() -> None:
    """Where a setting is missing because it is misspelt, the error says what was likely meant."""
    domains = DomainSettings({"EXAMPLE": {"SERVER": "x", "SEARCH_BSE": "DC=example,DC=local"}})
    with pytest.raises(ConfigurationError, match=r"SEARCH_BASE is required.*Did you mean 'SEARCH_BASE'"):
        domains.resolve("EXAMPLE")


@given(st.text(max_size=300))
def test_asking_for_any_domain_is_total(domain: str) -> None:
    """Any text is a domain or an UnknownDomain."""
    domains = DomainSettings({"EXAMPLE": REQUIRED})
    if domain in domains:
        assert domains[domain].SERVER == "example.local"
    else:
        with pytest.raises(UnknownDomain):
            domains[domain]


# -- the site's settings

DURATIONS: list[Any] = [
    pytest.param(timedelta(minutes=5), timedelta(minutes=5), id="timedelta"),
    pytest.param(300, timedelta(minutes=5), id="seconds"),
    pytest.param("300", timedelta(minutes=5), id="seconds as text"),
    pytest.param(0, timedelta(0), id="zero: on every request"),
    pytest.param(None, None, id="None: never"),
    pytest.param(False, None, id="False: never"),
    pytest.param(1.9, timedelta(seconds=1), id="what int() takes"),
]


@pytest.mark.parametrize(("value", "expected"), DURATIONS)
def test_durations(value: Any, expected: timedelta | None) -> None:
    """Section 1.13.3: a number of seconds in any spelling, a timedelta, or None or False for never."""
    assert duration("X", value) == expected
    assert SiteSettings.from_keywords({"resync_delta": value}).resync_delta == expected


@pytest.mark.parametrize("value", [-1, "-1", timedelta(-1), True, "ten", "", [], float("nan"), float("inf"), 10**30])
def test_what_is_no_duration(value: Any) -> None:
    """Anything else is refused, and named."""
    with pytest.raises(ConfigurationError, match="WAUTH_RESYNC_DELTA"):
        SiteSettings.from_keywords({"resync_delta": value})


WRONG_OPTIONS: list[Any] = [
    pytest.param({"use_spm": True}, "Did you mean 'WAUTH_USE_SPN'", id="misspelt"),
    pytest.param({"zzz": True}, "Unknown setting 'WAUTH_ZZZ'", id="unknown"),
    pytest.param({"username_format": "{user}"}, "WAUTH_USERNAME_FORMAT must be a text that holds", id="unknown part"),
    pytest.param({"username_format": "{}"}, "WAUTH_USERNAME_FORMAT must be a text that holds", id="nameless part"),
    pytest.param({"username_format": "{username"}, "WAUTH_USERNAME_FORMAT must be a text that holds", id="open brace"),
    pytest.param({"username_format": "{domain}"}, "WAUTH_USERNAME_FORMAT", id="without the user name"),
    pytest.param({"username_format": 7}, "WAUTH_USERNAME_FORMAT", id="a number"),
    pytest.param({"when_stale": "strp"}, "WAUTH_WHEN_STALE must be one of", id="unknown choice"),
    pytest.param({"use_spn": "no"}, "WAUTH_USE_SPN must be True or False", id="text for a boolean"),
    pytest.param({"adopt_existing_users": 1}, "WAUTH_ADOPT_EXISTING_USERS must be", id="a number for a boolean"),
]


@pytest.mark.parametrize(("given", "message"), WRONG_OPTIONS)
def test_options_that_cannot_work(given: dict[str, Any], message: str) -> None:
    """A misspelt or impossible option is an error that says what to write."""
    with pytest.raises(ConfigurationError, match=message):
        SiteSettings.from_keywords(given)


def test_default_options_are_the_manuals() -> None:
    """Section 1.13; WAUTH_USE_CACHE follows DEBUG in Django only, and WAUTH_IGNORE_SETTING_WARNINGS is off, since the
    manual's own text says that settings are validated by default."""
    options = SiteSettings()
    assert options.use_spn is False
    assert options.resync_delta == timedelta(minutes=10)
    assert options.use_cache is False
    assert options.require_resync is False
    assert options.error_response is None
    assert options.lowercase_username is True
    assert options.preload_domains is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [(None, ()), ("A", ("A",)), (["A", "B"], ("A", "B")), (("A",), ("A",)), ((), ())],
)
def test_names(value: Any, expected: tuple[str, ...]) -> None:
    """None, one text and many texts are one tuple."""
    assert as_names(value) == expected
