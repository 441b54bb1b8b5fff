"""One person with all nested groups, read from a real Active Directory in several ways, side by side.

    python -m benchmarks.directory_reads [--rounds 200] [--dear-rounds 3]

Starts the tests' own Samba domain controller, or uses the one that WAUTH_TEST_AD names (`python -m tests.ad up`).
Ratios carry from machine to machine; milliseconds do not. Exits with 1 where an aim is missed: a steady fetch at most
1.5 times a raw ldap3 search for the same attributes, a cold start at most 1.3 times python-ldap's.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import ldap3

from tests.ad import hosts
from tests.ad.cache import cache_folder
from tests.ad.client import connected
from tests.ad.directory import managed
from tests.ad.fixtures import folder_name, running_elsewhere
from tests.ad.places import DC1
from tests.ad.samba import DomainController
from wauth_core import Identity, Wauth
from wauth_core.directory import trace
from wauth_core.testing import MemoryUserRepository

PERSON = "alice"
WANTED = ("givenName", "sn", "mail", "sAMAccountName")
STEADY_AIM, COLD_AIM = 1.5, 1.3

Way = Callable[[], object]


@contextmanager
def controller() -> Iterator[DomainController]:
    """The controller at hand, or one of our own."""
    elsewhere = running_elsewhere()
    hosts.add()
    if elsewhere is not None:
        yield DomainController(DC1, elsewhere / folder_name(DC1), owned=False)
        return
    with tempfile.TemporaryDirectory() as folder:
        own = DomainController(DC1, Path(folder) / "dc1")
        own.prepare(cache_folder())
        own.start()
        try:
            yield own
        finally:
            own.kill()


def best_of(ways: dict[str, Way], rounds: int) -> dict[str, float]:
    """The median milliseconds of each way, taken in turns so that none has the quieter machine."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way()
    for _ in range(rounds):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            taken[name].append((time.perf_counter() - began) * 1000)
    return {name: statistics.median(values) for name, values in taken.items()}


def django_auth_ldap(dc: DomainController) -> Way:
    """django-auth-ldap's nested group look-up of one person, its connection kept."""
    import django
    import ldap
    from django.conf import settings
    from django_auth_ldap.backend import LDAPBackend, _LDAPUser
    from django_auth_ldap.config import LDAPSearch, NestedGroupOfNamesType

    settings.configure(
        AUTH_LDAP_SERVER_URI=dc.ldaps_url,
        AUTH_LDAP_BIND_DN=dc.bind_user,
        AUTH_LDAP_BIND_PASSWORD=dc.bind_password,
        AUTH_LDAP_CONNECTION_OPTIONS={
            ldap.OPT_REFERRALS: 0,
            ldap.OPT_X_TLS_CACERTFILE: dc.ca_file,
            ldap.OPT_X_TLS_NEWCTX: 0,
        },
        AUTH_LDAP_USER_SEARCH=LDAPSearch(dc.base_dn, ldap.SCOPE_SUBTREE, "(sAMAccountName=%(user)s)"),
        AUTH_LDAP_GROUP_SEARCH=LDAPSearch(dc.base_dn, ldap.SCOPE_SUBTREE, "(objectClass=group)"),
        AUTH_LDAP_GROUP_TYPE=NestedGroupOfNamesType(),
        AUTH_LDAP_FIND_GROUP_PERMS=True,
        AUTH_LDAP_CACHE_TIMEOUT=0,
        CACHES={"default": {"BACKEND": "django.core.cache.backends.dummy.DummyCache"}},
        INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes"],
    )
    django.setup()

    def look() -> object:
        names = _LDAPUser(LDAPBackend(), username=PERSON).group_names
        assert "Domain Admins" in names
        return names

    return look


def cold_python_ldap(dc: DomainController) -> Way:
    """Connect, verified TLS, bind, one search, unbind: python-ldap."""
    import ldap

    def start() -> object:
        connection = ldap.initialize(dc.ldaps_url)
        connection.set_option(ldap.OPT_REFERRALS, 0)
        connection.set_option(ldap.OPT_X_TLS_CACERTFILE, dc.ca_file)
        connection.set_option(ldap.OPT_X_TLS_REQUIRE_CERT, ldap.OPT_X_TLS_DEMAND)
        connection.set_option(ldap.OPT_X_TLS_NEWCTX, 0)
        connection.simple_bind_s(dc.bind_user, dc.bind_password)
        found = connection.search_s(
            dc.base_dn, ldap.SCOPE_SUBTREE, f"(&(objectCategory=person)(objectClass=user)(sAMAccountName={PERSON}))"
        )
        connection.unbind_s()
        return found

    return start


def cold_ours(dc: DomainController) -> Way:
    """The same, by a manager made for it."""

    def start() -> object:
        with managed(dc) as manager:
            return manager.user(PERSON)

    return start


def table(title: str, found: dict[str, float], base: str, searches: dict[str, int] | None = None) -> None:
    """Print milliseconds and ratios to *base*."""
    click.echo(f"\n{title}")
    for name, milliseconds in found.items():
        asked = f"{searches[name]:>3} searches" if searches and name in searches else ""
        click.echo(f"  {name:<52}{milliseconds:>10.2f} ms{milliseconds / found[base]:>9.2f} x  {asked}")


@click.command()
@click.option("--rounds", default=200, show_default=True)
@click.option("--dear-rounds", default=3, show_default=True, help="For the ways that take seconds.")
def main(rounds: int, dear_rounds: int) -> None:
    """Measure, print, and judge."""
    with controller() as dc:
        wauth = Wauth({"EXAMPLE": dc.settings()})
        manager = wauth.manager("EXAMPLE")
        person = manager.person(guid=None, username=PERSON, attributes=WANTED)
        with trace() as operations:
            manager.person(guid=person.guid, username=PERSON, attributes=WANTED)
        attributes = list(operations[-1].attributes)
        repository, identity = MemoryUserRepository(), Identity("EXAMPLE", PERSON)
        wauth.sync(identity, repository)
        with connected(dc.host, 636, dc.ca_file, dc.bind_user, dc.bind_password) as raw:

            def raw_base() -> Any:
                raw.search(person.dn, "(objectClass=*)", ldap3.BASE, attributes=attributes)
                return raw.response

            def rule_1941() -> Any:
                raw.search(dc.base_dn, f"(sAMAccountName={PERSON})", attributes=list(WANTED))
                chain = f"(member:1.2.840.113556.1.4.1941:={person.dn})"
                raw.search(dc.base_dn, f"(&(objectClass=group){chain})", attributes=["cn", "sAMAccountName"])
                return raw.response

            steady: dict[str, Way] = {
                "raw ldap3, BASE search, same attributes": raw_base,
                "manager.person(), known GUID": lambda: manager.person(
                    guid=person.guid, username=PERSON, attributes=WANTED
                ),
                "wauth.sync(), nothing changed": lambda: wauth.sync(identity, repository),
            }
            base = next(iter(steady))
            found = best_of(steady, rounds)
            dear = {
                "django-auth-ldap, nested groups": django_auth_ldap(dc),
                "rule 1941, as django-windowsauth asks": rule_1941,
            }
            found |= best_of(dear, dear_rounds)
        table("One person with attributes, account state and all nested groups", found, base)
        cold = best_of({"python-ldap": cold_python_ldap(dc), "LDAPManager": cold_ours(dc)}, max(10, rounds // 5))
        table("Cold: connect, verified TLS, bind, first search, goodbye", cold, "python-ldap")
        wauth.close()
    ours, sync = (
        found["manager.person(), known GUID"] / found[base],
        found["wauth.sync(), nothing changed"] / found[base],
    )
    if max(ours, sync) > STEADY_AIM or cold["LDAPManager"] / cold["python-ldap"] > COLD_AIM:
        click.echo("\nAn aim is missed.")
        sys.exit(1)


if __name__ == "__main__":
    main()
