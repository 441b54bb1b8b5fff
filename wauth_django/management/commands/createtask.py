"""``manage.py createtask``: run a management command by the Windows Task Scheduler, as django-windowsauth 1.4 did."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from wauth_core import WauthError
from wauth_core.iis import here, tasks, taskscheduler
from wauth_core.iis.files import Generated, write
from wauth_core.iis.windowspath import command_line


def duration(text: str) -> timedelta:
    """A length of time like "days=1,hours=12.5"."""
    try:
        return tasks.parse_duration(text)
    except WauthError as error:
        raise ArgumentTypeError(str(error)) from error


class Command(BaseCommand):
    """See *help*."""

    help = (
        'Run a management command of this project by the Windows Task Scheduler: createtask "syncldap EXAMPLE" '
        "-i hours=1. On Windows, in an elevated prompt, the task is registered; elsewhere its XML is written."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The command line."""
        add = parser.add_argument
        add("command", help='The management command, with its arguments in quotes: "clearsessions".')
        add(
            "-p",
            "--predefined",
            action="store_true",
            help=f"One of those with a schedule: {', '.join(tasks.PREDEFINED)}.",
        )
        add("-n", "--name", default="", help="Name of the task (default: the command's first word).")
        add("-d", "--desc", default="", help="Description.")
        add(
            "-u", "--identity", default="LOCAL SERVICE", help="Account, gMSA or SID to run as (default: LOCAL SERVICE)."
        )
        add("-f", "--folder", default="", help="Folder in the Task Scheduler (default: the project's name).")
        add("-i", "--interval", type=duration, help='How often: "days=1,hours=12.5" (default: on demand).')
        add("-r", "--random", type=duration, help="Start each run up to this much later.")
        add("-t", "--timeout", type=duration, help="End a run after this long; seconds=0 never (default: hours=1).")
        add("--priority", type=int, default=7, help="0 (highest) to 10 (default: 7, Windows' own).")
        add("--output", default="", metavar="FOLDER", help="Write the definition here as XML; do not register it.")
        add("--override", action="store_true", help="Replace an existing XML file; keeps a backup.")
        add("--dry-run", action="store_true", help="Show the definition.")

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
                **{
                    key: given[key] for key in ("name", "desc", "identity", "interval", "random", "timeout", "priority")
                },
            )
            if sys.platform == "win32" and not given["output"] and not given["dry_run"]:
                taskscheduler.register(wanted)
                self.stdout.write(self.style.SUCCESS(f"registered {wanted.task_path}"))
                return
            file = taskscheduler.generated_file(wanted, given["output"] or ".")
            write(Generated((file,)), override=given["override"], dry_run=given["dry_run"], echo=self.stdout.write)
        except WauthError as error:
            raise CommandError(str(error)) from error
        if not given["dry_run"]:
            line = command_line(*taskscheduler.schtasks_arguments(wanted, file.path))
            self.stdout.write(f"Register it in an elevated prompt: {line}")
