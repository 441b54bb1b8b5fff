"""A command to run on a schedule: its options, the predefined tasks, and the notation of times."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from wauth_core.exceptions import ConfigurationError
from wauth_core.iis.windowspath import quote

DAY = timedelta(days=1)


@dataclass(frozen=True)
class TaskOptions:
    """A scheduled command.

    :param name: the task's name in its folder.
    :param command: the program's full path, at most 260 characters.
    :param arguments: its command line, as Windows splits it.
    :param working_directory: the folder it starts in.
    :param folder: the folder in the Task Scheduler; "a\\b" is a folder in a folder.
    :param interval: how often; a minute to 31 days, or any number of whole days up to 365. None: only
        on demand.
    :param start: the local time of the first run; needed with *interval*.
    :param random_delay: each run starts up to this much later, so that not all servers ask the
        directory at once.
    :param time_limit: a run is ended after this long; zero is without limit.
    :param account: "LOCAL SERVICE", "NETWORK SERVICE", "SYSTEM", a SID, a gMSA (``EXAMPLE\\tasks$``)
        or a user, which then runs without a stored password and so without access to the network (S4U).
    :param priority: 0 (highest) to 10; 7 is Windows' default
        (https://learn.microsoft.com/en-us/windows/win32/taskschd/tasksettings-priority).
    :param restart_count: how often a failed run is tried again, at *restart_interval*; 0 for not at all.
    """

    name: str
    command: str
    arguments: str = ""
    working_directory: str = ""
    folder: str = "windowsauth"
    description: str = ""
    interval: timedelta | None = None
    start: datetime | None = None
    random_delay: timedelta = timedelta(0)
    time_limit: timedelta = timedelta(hours=1)
    account: str = "LOCAL SERVICE"
    priority: int = 7
    restart_count: int = 0
    restart_interval: timedelta = timedelta(minutes=5)

    @property
    def task_path(self) -> str:
        """Where the task stands in the Task Scheduler, as ``schtasks /tn`` takes it."""
        return "\\" + "\\".join(part for part in (*self.folder.split("\\"), self.name) if part)


@dataclass(frozen=True)
class PredefinedTask:
    """A command with a sensible schedule. *command* is what follows ``manage.py``."""

    command: str
    description: str
    interval: timedelta | None
    random_delay: timedelta = timedelta(0)
    time_limit: timedelta = timedelta(hours=1)
    restart_count: int = 0


PREDEFINED = {
    "clearsessions": PredefinedTask("clearsessions", "Delete expired sessions, once a week.", timedelta(days=7)),
    "syncldap": PredefinedTask(
        "syncldap",
        "Bring all users in step with Active Directory, every hour.",
        timedelta(hours=1),
        random_delay=timedelta(minutes=5),
        restart_count=3,
    ),
    "clearldapmetrics": PredefinedTask(
        "clearldapmetrics", "Delete LDAP metrics older than 90 days, once a week.", timedelta(days=7)
    ),
    "clean_duplicate_history": PredefinedTask(
        "clean_duplicate_history --auto",
        "Delete history records that change nothing (django-simple-history), every 3 hours.",
        timedelta(hours=3),
    ),
    "clean_old_history": PredefinedTask(
        "clean_old_history --auto",
        "Delete history records older than 30 days (django-simple-history), every day.",
        timedelta(days=1),
    ),
    "process_tasks": PredefinedTask(
        "process_tasks",
        "Work on background tasks (django-background-tasks): started again every 5 minutes if it has ended.",
        timedelta(minutes=5),
        time_limit=timedelta(0),
        restart_count=3,
    ),
}


def for_command(
    command: str,
    *,
    program: Sequence[str],
    working_directory: str,
    folder: str,
    now: datetime,
    is_predefined: bool = False,
    name: str = "",
    desc: str = "",
    identity: str = "LOCAL SERVICE",
    interval: timedelta | None = None,
    random: timedelta | None = None,
    timeout: timedelta | None = None,
    start: datetime | None = None,
    priority: int = 7,
    restart: int | None = None,
    restart_after: timedelta = timedelta(minutes=5),
) -> TaskOptions:
    """The task behind a ``createtask`` command line, whose arguments these are.

    *program* is what runs *command*: interpreter, then manage.py or ``-m`` and a module. With *is_predefined* *command*
    names one of :data:`PREDEFINED`. Its values apply unless others are given.
    """
    known = predefined(command) if is_predefined else PredefinedTask(command, "", None)
    executable, arguments = _command_for(program, known.command)
    interval = known.interval if interval is None else interval
    return TaskOptions(
        name=name or command.split(maxsplit=1)[0] if command.strip() else name,
        command=executable,
        arguments=arguments,
        working_directory=working_directory,
        folder=folder,
        description=desc or known.description,
        interval=interval,
        start=start or (first_run(interval, now) if interval else None),
        random_delay=known.random_delay if random is None else random,
        time_limit=known.time_limit if timeout is None else timeout,
        account=identity,
        priority=priority,
        restart_count=known.restart_count if restart is None else restart,
        restart_interval=restart_after,
    )


def first_run(interval: timedelta, now: datetime) -> datetime:
    """The default start of a task: the next 3 a.m. for a daily one, one minute from now for others."""
    if interval % DAY:
        return now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    night = now.replace(hour=3, minute=0, second=0, microsecond=0)
    return night if night > now else night + DAY


def predefined(name: str) -> PredefinedTask:
    """The predefined task *name*. If there is none, raises ConfigurationError, which lists the names."""
    if name not in PREDEFINED:
        raise ConfigurationError(f"There is no predefined task {name!r}: {', '.join(PREDEFINED)}.")
    return PREDEFINED[name]


def parse_duration(text: str) -> timedelta:
    """Read "days=1,hours=12.5", the notation of ``createtask``: names and numbers as
    :class:`datetime.timedelta` takes."""
    parts: dict[str, float] = {}
    for item in text.split(","):
        name, _, number = (part.strip() for part in item.partition("="))
        if name not in ("weeks", "days", "hours", "minutes", "seconds") or name in parts:
            raise ConfigurationError(f"{text!r} is not a duration: write it like days=1,hours=12.5")
        try:
            parts[name] = float(number)
        except ValueError:
            raise ConfigurationError(f"{number!r} in {text!r} is not a number.") from None
    try:
        return timedelta(**parts)
    except (OverflowError, ValueError):
        raise ConfigurationError(f"{text!r} is out of range.") from None


def _command_for(program: Sequence[str], command: str) -> tuple[str, str]:
    """The task's program and its arguments. Scripts are always quoted. *command* is a command line already."""
    executable, *rest = program
    quoted = [quote(argument, always=not re.fullmatch(r"[-\w.:]+", argument)) for argument in rest]
    return executable, " ".join([*quoted, command]).strip()
