"""One password sign-in with group checks, by other packages and by ours, counted at the directory.

    pip install ".[django,directory]" django-auth-ldap django-python3-ldap flask-ldap3-login
    python -m benchmarks.alternatives

Each signs the same person in twice against the embedded directory, and is asked whether they are in a group in
which they are through another group. The second sign-in counts: what is kept is kept then. Connections, LDAP
operations and answers are the directory's own log; times of a directory in the same process would say nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import click

from wauth_core.testing import EmbeddedDirectory

WHO, PASSWORD, GROUP = "ken", "Passw0rd!x", "Everybody"
BASE = "DC=example,DC=local"
Settings = dict[str, Any]


def django(settings: Settings) -> None:
    """A project of one table of users."""
    import django as package
    from django.conf import settings as django_settings
    from django.core.management import call_command

    if not django_settings.configured:
        django_settings.configure(
            INSTALLED_APPS=[
                "django.contrib.auth",
                "django.contrib.contenttypes",
                "wauth_django",
                "django_python3_ldap",
            ],
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
            SECRET_KEY="x",
        )
        package.setup()
        call_command("migrate", verbosity=0)
    for name, value in settings.items():
        setattr(django_settings, name, value)


def by_django_auth_ldap(at: Settings) -> Callable[[], bool]:
    """With the nested group type, which AD needs."""
    import ldap
    from django_auth_ldap.backend import LDAPBackend
    from django_auth_ldap.config import LDAPSearch, NestedActiveDirectoryGroupType

    django({})
    backend = LDAPBackend()
    options = {ldap.OPT_X_TLS_CACERTFILE: at["CA_FILE"], ldap.OPT_X_TLS_NEWCTX: 0, ldap.OPT_REFERRALS: 0}
    for name, value in {
        "SERVER_URI": at["SERVER"],
        "BIND_DN": at["USERNAME"],
        "BIND_PASSWORD": at["PASSWORD"],
        "USER_SEARCH": LDAPSearch(BASE, ldap.SCOPE_SUBTREE, "(sAMAccountName=%(user)s)"),
        "GROUP_SEARCH": LDAPSearch(BASE, ldap.SCOPE_SUBTREE, "(objectClass=group)"),
        "GROUP_TYPE": NestedActiveDirectoryGroupType(),
        "USER_ATTR_MAP": {"first_name": "givenName", "last_name": "sn", "email": "mail"},
        "CONNECTION_OPTIONS": options,
    }.items():
        setattr(backend.settings, name, value)

    def once() -> bool:
        user = backend.authenticate(None, username=WHO, password=PASSWORD)
        return GROUP.lower() in {name.lower() for name in user.ldap_user.group_names}

    return once


def by_django_python3_ldap(at: Settings) -> Callable[[], bool]:
    """It knows no groups."""
    django(
        {
            "LDAP_AUTH_URL": [at["SERVER"]],
            "LDAP_AUTH_SEARCH_BASE": BASE,
            "LDAP_AUTH_OBJECT_CLASS": "user",
            "LDAP_AUTH_USER_FIELDS": {"username": "sAMAccountName", "email": "mail"},
            "LDAP_AUTH_FORMAT_USERNAME": "django_python3_ldap.utils.format_username_active_directory",
            "LDAP_AUTH_ACTIVE_DIRECTORY_DOMAIN": "EXAMPLE",
        }
    )
    from django_python3_ldap.auth import LDAPBackend

    return lambda: LDAPBackend().authenticate(None, username=WHO, password=PASSWORD) is None


def by_flask_ldap3_login(at: Settings) -> Callable[[], bool]:
    """Groups by rule 1941, which is its way to nested ones."""
    from flask import Flask
    from flask_ldap3_login import LDAP3LoginManager

    app = Flask(__name__)
    host, _, port = at["SERVER"].removeprefix("ldaps://").rpartition(":")
    app.config.update(
        LDAP_HOST=host,
        LDAP_PORT=int(port),
        LDAP_USE_SSL=True,
        LDAP_BASE_DN=BASE,
        LDAP_BIND_USER_DN=at["USERNAME"],
        LDAP_BIND_USER_PASSWORD=at["PASSWORD"],
        LDAP_USER_LOGIN_ATTR="sAMAccountName",
        LDAP_USER_SEARCH_SCOPE="SUBTREE",
        LDAP_GROUP_SEARCH_SCOPE="SUBTREE",
        LDAP_GROUP_MEMBERS_ATTR="member:1.2.840.113556.1.4.1941:",
    )
    manager = LDAP3LoginManager(app)

    def once() -> bool:
        with app.app_context():
            answer = manager.authenticate(WHO, PASSWORD)
        return any(GROUP in group["cn"] for group in answer.user_groups)

    return once


def by_windowsauth(at: Settings) -> Callable[[], bool]:
    """wauth_django.backends.LDAPBackend."""
    django({"WAUTH_DOMAINS": {"EXAMPLE": {**at, "GROUP_MAP": {"everybody": [GROUP]}}}})
    from django.conf import settings
    from django.contrib.auth import authenticate

    settings.AUTHENTICATION_BACKENDS = ["wauth_django.backends.LDAPBackend"]

    def once() -> bool:
        user = authenticate(None, username=WHO, password=PASSWORD)
        return bool(user and user.groups.filter(name="everybody").exists())

    return once


WAYS = {
    "windowsauth": by_windowsauth,
    "django-auth-ldap": by_django_auth_ldap,
    "django-python3-ldap": by_django_python3_ldap,
    "flask-ldap3-login": by_flask_ldap3_login,
}


@click.command()
def main() -> None:
    """Print a row for each package that is installed."""
    click.echo("| package | group found | binds | searches | entries read |\n|---|---|---|---|---|")
    for name, way in WAYS.items():
        with EmbeddedDirectory() as directory:
            directory.add_group(GROUP)
            directory.add_member(GROUP, "Web Users")
            once = way(dict(directory.settings()))
            once()
            directory.operations.clear()
            found = once()
            seen = list(directory.operations)
            counts = Counter(each.op for each in seen)
            entries = sum(each.entries for each in seen)
            click.echo(f"| {name} | {found} | {counts['bind']} | {counts['search']} | {entries} |")


if __name__ == "__main__":
    main()
