"""``manage.py adoptldapusers``: link existing Django users to the directory (the manual's 1.4.1, done by the tool)."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import FieldDoesNotExist
from django.core.management.base import BaseCommand, CommandError
from django.db import IntegrityError, transaction

from wauth_core import WauthError
from wauth_core.directory import DirectoryUser
from wauth_core.identity import fold_username
from wauth_core.sync.policy import Policy, attribute_value
from wauth_django.management.progress import chosen_domains, progress, wauth
from wauth_django.models import LDAPUser


@dataclass
class Matches:
    """What was found for the Django users without a link."""

    links: list[LDAPUser] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    doubtful: list[str] = field(default_factory=list)


class Command(BaseCommand):
    """See *help*."""

    help = (
        "Link existing Django users to the people of a domain, by comparing a field of the user with an attribute of "
        "the directory. Shows what it will do, and asks first. Whoever is linked signs in by Windows from then on, "
        "and the directory rules over their rights at the next sync."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The command line."""
        parser.add_argument("domain", metavar="DOMAIN", help="A domain of WAUTH_DOMAINS.")
        parser.add_argument("--field", help="The field of the Django user (default: the user name).")
        parser.add_argument(
            "--attribute",
            default="sAMAccountName",
            help="The attribute of the directory that it is compared with, without case (default: sAMAccountName; "
            "mail and userPrincipalName are others).",
        )
        parser.add_argument("--user", action="append", metavar="NAME", help="Only this Django user. Repeatable.")
        parser.add_argument(
            "--privileged", action="store_true", help="Link superusers and staff too; without it they are left out."
        )
        parser.add_argument("--dry-run", action="store_true", help="Show what would be linked, and write nothing.")
        parser.add_argument("--noinput", "--no-input", action="store_false", dest="interactive", help="Do not ask.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        [domain] = chosen_domains([options["domain"]])
        field_name = str(options["field"] or get_user_model().USERNAME_FIELD)
        matches = self._match(domain, self._users(field_name, options), options["attribute"])
        for link in matches.links:
            self.stdout.write(f"{link.user.get_username()} → {link}")
        for line in matches.doubtful:
            self.stdout.write(self.style.WARNING(line))
        if matches.unknown:
            self.stdout.write(f"Not in the directory: {', '.join(matches.unknown)}")
        if options["dry_run"] or not matches.links:
            self.stdout.write(f"{len(matches.links)} to link; nothing was written.")
            return
        if options["interactive"] and input(f"Link these {len(matches.links)} users? [y/N] ").strip().lower() != "y":
            raise CommandError("Nothing was written.")
        try:
            with transaction.atomic():
                LDAPUser.objects.bulk_create(matches.links)
        except IntegrityError as error:
            raise CommandError(f"Nothing was written: {error}") from error
        self.stdout.write(self.style.SUCCESS(f"{len(matches.links)} users linked."))

    def _users(self, field_name: str, options: dict[str, Any]) -> Mapping[str, list[Any]]:
        """The Django users without a link, by the folded value of *field_name*."""
        model = get_user_model()
        try:
            model._meta.get_field(field_name)
        except FieldDoesNotExist:
            raise CommandError(f"The user model has no field {field_name!r}.") from None
        users: Any = model._default_manager.filter(ldap=None).order_by("pk")
        if options["user"]:
            users = users.filter(**{f"{model.USERNAME_FIELD}__in": options["user"]})
        found: dict[str, list[Any]] = defaultdict(list)
        for user in users.iterator():
            privileged = getattr(user, "is_superuser", False) or getattr(user, "is_staff", False)
            if privileged and not options["privileged"]:
                self.stdout.write(f"Left out: {user.get_username()} (superuser or staff; see --privileged)")
            elif value := str(getattr(user, field_name) or ""):
                found[fold_username(value)].append(user)
        return found

    def _match(self, domain: str, users: Mapping[str, list[Any]], attribute: str) -> Matches:
        people = self._people(domain, users, attribute)
        policy = wauth().directories.policy(domain)
        linked = LDAPUser.objects.filter(domain=policy.domain)
        names = set(linked.values_list("username_key", flat=True))
        guids = set(linked.exclude(guid=None).values_list("guid", flat=True))
        matches = Matches()
        for value, having in users.items():
            found = people.get(value, [])
            shown = ", ".join(user.get_username() for user in having)
            if not found:
                matches.unknown.append(shown)
            elif len(having) > 1:
                matches.doubtful.append(f"Several Django users have {value!r}: {shown}")
            elif len(found) > 1:
                matches.doubtful.append(f"{shown}: {len(found)} people of the directory have {attribute} {value!r}")
            elif found[0].guid in guids or fold_username(policy.logon_name(found[0])) in names:
                matches.doubtful.append(f"{shown}: {found[0].username} is linked to another Django user already")
            else:
                matches.links.append(_link(policy, having[0], found[0]))
        return matches

    def _people(self, domain: str, users: Mapping[str, Any], attribute: str) -> Mapping[str, list[DirectoryUser]]:
        """The people whose *attribute* has one of the values wanted."""
        found: dict[str, list[DirectoryUser]] = defaultdict(list)
        try:
            with progress(self.stderr, f"{domain}: people looked at") as show:
                for number, person in enumerate(wauth().manager(domain).users(attributes=(attribute,)), 1):
                    value = fold_username(str(attribute_value(person, attribute) or ""))
                    if value in users:
                        found[value].append(person)
                    if number % 100 == 0:
                        show(number)
        except WauthError as error:
            raise CommandError(str(error)) from error
        return found


def _link(policy: Policy, user: Any, person: DirectoryUser) -> LDAPUser:
    name = policy.logon_name(person)
    return LDAPUser(user=user, domain=policy.domain, username=name, guid=person.guid, sid=person.sid or "")
