"""``manage.py checkldap``: why can't people sign in?"""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from wauth_core import WauthError
from wauth_django.management.progress import chosen_domains, wauth
from wauth_django.unapplied import unapplied


class Command(BaseCommand):
    """See *help*."""

    help = (
        "Check the way to each domain's directory, step by step: name, port, certificate, sign-in of the service "
        "account, search base, groups of the settings; and the database's migrations. Each fault comes with what to do "
        "about it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The command line."""
        parser.add_argument("domains", nargs="*", metavar="DOMAIN", help="Default: every domain of WAUTH_DOMAINS.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run."""
        failed = [name for name in chosen_domains(options["domains"]) if not self._check(name)]
        if problem := unapplied():
            raise CommandError(problem)
        if failed:
            raise CommandError(f"Something is wrong with {', '.join(failed)}; see above.")

    def _check(self, domain: str) -> bool:
        self.stdout.write(self.style.MIGRATE_HEADING(domain))
        found = wauth()
        problems = [problem for problem in found.problems() if problem.domain == domain]
        for problem in problems:
            self.stdout.write(self.style.WARNING(f"  settings  {problem.message}"))
        try:
            checks = found.manager(domain).doctor()
        except WauthError as error:
            self.stdout.write(self.style.ERROR(f"  failed    {error}"))
            return False
        styles = {"ok": self.style.SUCCESS, "warning": self.style.WARNING, "failed": self.style.ERROR}
        for check in checks:
            word = check.outcome.value
            style = styles.get(word, str)
            self.stdout.write(f"  {style(f'{word:<8}')}  {check.name}: {check.detail}".rstrip(": "))
            if check.advice:
                self.stdout.write(f"            {check.advice}")
        return not any(check.outcome.value == "failed" for check in checks)
