"""``manage.py syncldap``: bring whole domains, or a few people, in step with the directory."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError
from django.db.models import ProtectedError
from django.utils import timezone

from wauth_core import BulkResult, Identity, SyncStatus, WauthError, passwords
from wauth_core.exceptions import BulkRunning, UnknownDomain
from wauth_core.identity import canonical_domain, fold_username
from wauth_django import purge, signin
from wauth_django.describe import changes_in_words
from wauth_django.management.progress import chosen_domains, progress, wauth
from wauth_django.models import LDAPUser

User = get_user_model()


class Command(BaseCommand):
    """See *help*."""

    help = (
        "Bring the users of whole domains, or named people, in step with Active Directory: fields, flags, groups, and "
        "accounts that were disabled or deleted. Users who have never signed in are made with --create only."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The command line."""
        parser.add_argument(
            "domains",
            nargs="*",
            metavar="DOMAIN",
            help="A domain, or a person as DOMAIN\\user or user@example.local. Default: every domain of WAUTH_DOMAINS.",
        )
        parser.add_argument("--create", action="store_true", help="Make a Django user for everybody in the directory.")
        parser.add_argument("--incremental", action="store_true", help="Read only what changed since the last time.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be done, and write nothing.")
        parser.add_argument(
            "--max-deactivations",
            type=float,
            default=0.1,
            metavar="SHARE",
            help="Stop, and write nothing, if more than this share of a domain's users would lose access at once "
            "(default: 0.1, a tenth). It saves you from a wrong SEARCH_BASE.",
        )
        parser.add_argument(
            "--purge",
            type=int,
            metavar="DAYS",
            help="Do not synchronise; delete the users whose people have been gone from the directory for that long. "
            "Shows them, and asks first.",
        )
        parser.add_argument(
            "--anonymise", action="store_true", help="With --purge: keep the users, without name, address and link."
        )
        parser.add_argument("--noinput", "--no-input", action="store_false", dest="interactive", help="Do not ask.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        if options["purge"] is not None:
            for name in chosen_domains(options["domains"]):
                self._purge(name, options)
            return
        people = [name for name in options["domains"] if "\\" in name or "@" in name]
        domains = [name for name in options["domains"] if name not in people]
        failed = [name for name in people if not self._sync_person(name, options)]
        if domains or not people:
            failed += [name for name in chosen_domains(domains) if not self._sync(name, options)]
        if failed:
            raise CommandError(f"Not everything could be synchronised: {', '.join(failed)}.")

    def _purge(self, domain: str, options: dict[str, Any]) -> None:
        if options["purge"] < 1 or not any(column.name == "is_active" for column in User._meta.concrete_fields):
            raise CommandError("--purge wants a day at least, and a user model with the column is_active.")
        try:
            links = list(purge.gone_since(domain, timezone.now() - timedelta(days=options["purge"])))
        except WauthError as error:
            raise CommandError(f"{domain}: {error}") from error
        for link in links:
            self.stdout.write(f"{link}: gone since {link.lowered_at:%Y-%m-%d}")
        what = "anonymise" if options["anonymise"] else "delete"
        if options["dry_run"] or not links:
            self.stdout.write(f"{domain}: {len(links)} to {what}; nothing was written.")
            return
        if options["interactive"] and input(f"{what.title()} these {len(links)} users? [y/N] ").strip().lower() != "y":
            raise CommandError("Nothing was written.")
        try:
            count = purge.anonymise(links) if options["anonymise"] else purge.delete(links)
        except (DatabaseError, ProtectedError) as error:
            raise CommandError(f"Nothing was written: {error}") from error
        done = (
            f"{count:,} users anonymised" if options["anonymise"] else f"{len(links):,} users deleted ({count:,} rows)"
        )
        self.stdout.write(self.style.SUCCESS(f"{domain}: {done}."))

    def _warn_of_twins(self, domain: str) -> None:
        for link in LDAPUser.objects.twins().filter(domain=canonical_domain(domain)).select_related("user"):
            other = LDAPUser.objects.filter(domain=link.domain, username_key=fold_username(link.username)).first()
            text = (
                f"{link} (user {link.user_id}) is left alone: but for case its name is that of {other} (user "
                f"{other and other.user_id}). Delete one of the two links in the admin."
            )
            self.stderr.write(self.style.WARNING(text))

    def _sync_person(self, name: str, options: dict[str, Any]) -> bool:
        try:
            result = wauth().sync(
                _identity(name), signin.repository(), dry_run=options["dry_run"], create=options["create"]
            )
        except WauthError as error:
            self.stderr.write(self.style.ERROR(f"{name}: {error}"))
            return False
        self.stdout.write(f"{result.identity}: {changes_in_words(result)}")
        return result.status is not SyncStatus.NOT_FOUND

    def _sync(self, domain: str, options: dict[str, Any]) -> bool:
        self._warn_of_twins(domain)
        expected = 0 if options["create"] else LDAPUser.objects.filter(domain__iexact=domain).count()
        try:
            with progress(self.stderr, f"{domain}: people looked at", expected) as show:
                result = wauth().sync_all(
                    signin.repository(),
                    domain,
                    incremental=options["incremental"],
                    dry_run=options["dry_run"],
                    progress=show,
                    max_deactivations=options["max_deactivations"],
                    create=options["create"],
                )
        except BulkRunning as error:
            raise CommandError(str(error), returncode=3) from error
        except WauthError as error:
            self.stderr.write(self.style.ERROR(f"{domain}: {error}"))
            return False
        self._tell(result, every=options["dry_run"] or options["verbosity"] > 1)
        return result.ok

    def _tell(self, result: BulkResult, *, every: bool) -> None:
        for each in result.results:
            if every and (each.changes or not each.ok):
                self.stdout.write(f"{each.identity}: {changes_in_words(each)}")
        for who, error in result.failures:
            self.stderr.write(self.style.ERROR(f"{who}: {error}"))
        counts = ", ".join(f"{count:,} {status.value}" for status, count in result.counts.items()) or "nobody"
        text = f"{result.domain}: {counts}; {len(result.failures):,} failed; {result.elapsed:.1f} s"
        self.stdout.write(self.style.WARNING(f"{text} (dry run)") if result.dry_run else self.style.SUCCESS(text))


def _identity(name: str) -> Identity:
    """Who is meant, as links spell them: a person who is gone from the directory keeps the name that was given."""
    made = wauth()
    domain = passwords.domain_of(made.directories, name)
    if domain is None or domain not in made.domains:
        raise UnknownDomain(domain or name.rpartition("@")[2], tuple(made.domains))
    if "\\" in name:
        return Identity.parse(name, lowercase=made.settings.lowercase_username)
    return Identity(domain, made.directories.policy(domain).logon_name(made.manager(domain).user(name)))
