"""``manage.py createtask``: run a management command by the Windows Task Scheduler, as django-windowsauth 1.4 did."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from wauth_core import WauthError
from wauth_core.iis import arguments, here, tasks


class Command(BaseCommand):
    """See *help*."""

    help = (
        'Run a management command of this project by the Windows Task Scheduler: createtask "syncldap EXAMPLE" '
        "-i hours=1. On Windows, in an elevated prompt, the task is registered; elsewhere its XML is written."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The command line."""
        parser.add_argument("command", help='The management command, with its arguments in quotes: "clearsessions".')
        arguments.add_to_parser(parser, arguments.TASK)

    def handle(self, *args: Any, **given: Any) -> None:
        """Run."""
        root = os.path.abspath(getattr(settings, "BASE_DIR", None) or os.getcwd())
        try:
            wanted = tasks.for_command(
                given["command"],
                program=[here.interpreter(), os.path.join(root, "manage.py")],
                working_directory=root,
                folder=given["folder"] or os.path.basename(root) or "windowsauth",
                now=datetime.now(),
                is_predefined=given["predefined"],
                **{name: given[name] for name in arguments.TASK_NAMES},
            )
            arguments.carry_out_task(wanted, given, echo=self.stdout.write)
        except WauthError as error:
            raise CommandError(str(error)) from error
