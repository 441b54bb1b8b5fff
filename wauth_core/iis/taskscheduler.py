"""Commands in the Windows Task Scheduler: a task definition as XML, and its registration through
``schtasks``.

The format is Task Scheduler schema 1.2
(https://learn.microsoft.com/en-us/windows/win32/taskschd/task-scheduler-schema), whose elements come in a
fixed order inside a trigger.
"""

from __future__ import annotations

import ntpath
import os
import re
import subprocess
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree

from wauth_core.exceptions import ConfigurationError, WauthError
from wauth_core.iis import xmltext
from wauth_core.iis.files import GeneratedFile
from wauth_core.iis.tasks import DAY, TaskOptions
from wauth_core.iis.windowspath import refuse_expansion

NAMESPACE = "http://schemas.microsoft.com/windows/2004/02/mit/task"
SERVICE_ACCOUNTS = {
    "LOCAL SERVICE": "S-1-5-19",
    "NETWORK SERVICE": "S-1-5-20",
    "SYSTEM": "S-1-5-18",
}
_LONGEST_REPETITION = timedelta(days=31)


class TaskNotRegistered(WauthError):
    """``schtasks`` refused the task. *output* is what it said."""

    def __init__(self, task_path: str, output: str) -> None:
        self.task_path = task_path
        self.output = output
        super().__init__(f"The task {task_path} was not registered: {output or 'schtasks gave no reason'}")


def build(options: TaskOptions) -> bytes:
    """The task definition, UTF-16 with a byte order mark, as ``schtasks /create /xml`` takes it."""
    _check(options)
    task = xmltext.element(None, "Task", {"version": "1.2", "xmlns": NAMESPACE})
    information = xmltext.element(task, "RegistrationInfo")
    xmltext.text_element(information, "Author", "windowsauth")
    if options.description:
        xmltext.text_element(information, "Description", options.description)
    xmltext.text_element(information, "URI", options.task_path)
    triggers = xmltext.element(task, "Triggers")
    if options.interval:
        _trigger(triggers, options)
    _principal(task, options)
    _settings(task, options)
    _action(task, options)
    return xmltext.to_utf16(task)


def generated_file(options: TaskOptions, folder: str = ".") -> GeneratedFile:
    """The definition as a file, to read it or to register it elsewhere."""
    return GeneratedFile(str(Path(folder) / f"{options.name}.xml"), build(options), "utf-16")


def schtasks_arguments(options: TaskOptions, xml_path: str) -> list[str]:
    """The command that registers the task from *xml_path*, replacing one of the same name."""
    command = ["schtasks", "/create", "/tn", options.task_path, "/xml", xml_path, "/f"]
    if _logon_type(options.account) == "Password":  # a gMSA: Windows knows its password, and schtasks must be told so
        command += ["/ru", options.account, "/rp", ""]
    return command


def register(options: TaskOptions, run: Callable[..., subprocess.CompletedProcess[str]] = subprocess.run) -> list[str]:
    """Register the task on this machine. It needs an elevated prompt. Returns the command that was run."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "task.xml"
        path.write_bytes(build(options))
        command = [_schtasks(), *schtasks_arguments(options, str(path))[1:]]
        try:
            finished = run(command, capture_output=True, text=True, errors="replace", check=False)
        except FileNotFoundError as exc:
            message = "schtasks is not here: this is not Windows. Write the XML file and register it there."
            raise TaskNotRegistered(options.task_path, message) from exc
    if finished.returncode:
        output = (finished.stderr or finished.stdout or "").strip()
        raise TaskNotRegistered(options.task_path, output)
    return command


def _schtasks() -> str:
    """Windows' own, by its full path: for the bare name Windows would look in the current folder first."""
    root = os.environ.get("SYSTEMROOT")
    return ntpath.join(root, "System32", "schtasks.exe") if root else "schtasks"


def iso_duration(value: timedelta) -> str:
    """``P1DT12H30M``, as XML schema writes a duration; zero is ``PT0S``."""
    minutes, seconds = divmod(value.seconds, 60)
    hours, minutes = divmod(minutes, 60)
    date = f"{value.days}D" if value.days else ""
    time = "".join(f"{n}{unit}" for n, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if n)
    if not date and not time:
        return "PT0S"
    return f"P{date}{'T' + time if time else ''}"


def _check(options: TaskOptions) -> None:
    for part in (options.name, *options.folder.split("\\")):
        if re.search(r'[/:*?"<>|\x00-\x1f]', part) or part != part.strip(" .") or "\\" in options.name:
            raise ConfigurationError(f"{part!r} cannot be the name of a task or of its folder.")
    if not options.name:
        raise ConfigurationError("The task needs a name.")
    for what, path in (("command", options.command), ("working directory", options.working_directory)):
        if len(path) > 260:
            raise ConfigurationError(f"The {what} is {len(path)} characters long; the Task Scheduler takes 260.")
        refuse_expansion(path, f"The {what}")
    if not options.command:
        raise ConfigurationError("The task needs a command.")
    if options.interval is not None:
        _check_interval(options.interval)
        if options.start is None:
            raise ConfigurationError("A task with an interval needs the time of its first run.")
    if min(options.random_delay, options.time_limit) < timedelta(0):
        raise ConfigurationError("A time cannot be negative.")
    if not 0 <= options.priority <= 10:
        raise ConfigurationError(f"The priority is {options.priority}; Windows knows 0 (highest) to 10.")
    if not 0 <= options.restart_count <= 255:
        raise ConfigurationError(f"{options.restart_count} restarts: the Task Scheduler takes up to 255.")
    if options.restart_count and not timedelta(minutes=1) <= options.restart_interval <= _LONGEST_REPETITION:
        raise ConfigurationError("A failed task can be restarted after 1 minute to 31 days.")
    if not options.account.strip():
        raise ConfigurationError("The task needs an account to run as.")


def _check_interval(interval: timedelta) -> None:
    if interval % timedelta(minutes=1):
        raise ConfigurationError(f"An interval of {interval} is not possible: whole minutes only.")
    whole_days = interval % DAY == timedelta(0)
    longest = timedelta(days=365) if whole_days else _LONGEST_REPETITION
    if not timedelta(minutes=1) <= interval <= longest:
        raise ConfigurationError(
            f"An interval of {interval} is not possible: 1 minute to 31 days, or whole days up to 365."
        )


def _trigger(triggers: ElementTree.Element, options: TaskOptions) -> None:
    """The trigger. Whole days follow the calendar: their hour stays when clocks change. Other intervals repeat."""
    interval, start = options.interval, options.start
    if interval is None or start is None:
        return
    by_day = interval % DAY == timedelta(0)
    trigger = xmltext.element(triggers, "CalendarTrigger" if by_day else "TimeTrigger")
    if not by_day:
        repetition = xmltext.element(trigger, "Repetition")
        xmltext.text_element(repetition, "Interval", iso_duration(interval))
        xmltext.text_element(repetition, "StopAtDurationEnd", False)
    xmltext.text_element(trigger, "StartBoundary", start.replace(tzinfo=None, microsecond=0).isoformat())
    xmltext.text_element(trigger, "Enabled", True)
    if options.random_delay:
        xmltext.text_element(trigger, "RandomDelay", iso_duration(options.random_delay))
    if by_day:
        schedule = xmltext.element(trigger, "ScheduleByDay")
        xmltext.text_element(schedule, "DaysInterval", interval.days)


def _principal(task: ElementTree.Element, options: TaskOptions) -> None:
    principals = xmltext.element(task, "Principals")
    principal = xmltext.element(principals, "Principal", {"id": "Author"})
    xmltext.text_element(principal, "UserId", _service_sid(options.account) or options.account)
    logon_type = _logon_type(options.account)
    if logon_type:
        xmltext.text_element(principal, "LogonType", logon_type)
    xmltext.text_element(principal, "RunLevel", "LeastPrivilege")


def _settings(task: ElementTree.Element, options: TaskOptions) -> None:
    settings = xmltext.element(task, "Settings")
    if options.restart_count:
        restart = xmltext.element(settings, "RestartOnFailure")
        xmltext.text_element(restart, "Interval", iso_duration(options.restart_interval))
        xmltext.text_element(restart, "Count", options.restart_count)
    xmltext.text_element(settings, "MultipleInstancesPolicy", "IgnoreNew")
    xmltext.text_element(settings, "DisallowStartIfOnBatteries", False)
    xmltext.text_element(settings, "StopIfGoingOnBatteries", False)
    xmltext.text_element(settings, "StartWhenAvailable", True)
    xmltext.text_element(settings, "ExecutionTimeLimit", iso_duration(options.time_limit))
    xmltext.text_element(settings, "Priority", options.priority)


def _action(task: ElementTree.Element, options: TaskOptions) -> None:
    actions = xmltext.element(task, "Actions", {"Context": "Author"})
    run = xmltext.element(actions, "Exec")
    xmltext.text_element(run, "Command", options.command)
    if options.arguments:
        xmltext.text_element(run, "Arguments", options.arguments)
    if options.working_directory:
        xmltext.text_element(run, "WorkingDirectory", options.working_directory)


def _service_sid(account: str) -> str | None:
    """The SID of a built-in service account (Windows translates their names), or of an account given as a SID."""
    name = re.sub(r"^(NT AUTHORITY|NT-AUTORITÄT|AUTORITE NT)\\", "", account.strip(), flags=re.IGNORECASE).upper()
    name = {
        "LOCALSYSTEM": "SYSTEM",
        "LOCALSERVICE": "LOCAL SERVICE",
        "NETWORKSERVICE": "NETWORK SERVICE",
    }.get(name, name)
    if name in SERVICE_ACCOUNTS:
        return SERVICE_ACCOUNTS[name]
    return name if name in SERVICE_ACCOUNTS.values() else None


def _logon_type(account: str) -> str | None:
    """None for service accounts. "Password" for a gMSA: Windows itself gets the password. "S4U" for a user."""
    if _service_sid(account):
        return None
    return "Password" if account.endswith("$") else "S4U"
