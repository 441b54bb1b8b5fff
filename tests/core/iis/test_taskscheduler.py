"""Scheduled tasks: the definition by the rules of Task Scheduler's schema 1.2, and the call of schtasks."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wauth_core.exceptions import ConfigurationError
from wauth_core.iis import tasks, taskscheduler
from wauth_core.iis.tasks import PREDEFINED, TaskOptions
from wauth_core.iis.taskscheduler import NAMESPACE, TaskNotRegistered, build

TASK = TaskOptions(
    name="clearsessions",
    folder="shop",
    command=r"D:\Sites\shop\.venv\Scripts\python.exe",
    arguments=r'"D:\Sites\shop\manage.py" clearsessions',
    working_directory=r"D:\Sites\shop",
    interval=timedelta(hours=1),
    start=datetime(2026, 1, 31, 3, 0),
)

# The schema's order inside a trigger and its ranges; elsewhere (xs:all) the order is free
# https://learn.microsoft.com/en-us/openspecs/windows_protocols/ms-tsch/0d6383e4-de92-43e7-b0bb-a60cfa36379f
TRIGGER_ORDER = ["Repetition", "StartBoundary", "EndBoundary", "ExecutionTimeLimit", "Enabled", "RandomDelay"]
CHILDREN = {
    "Task": {"RegistrationInfo", "Triggers", "Principals", "Settings", "Actions"},
    "RegistrationInfo": {"Author", "Description", "URI"},
    "Triggers": {"TimeTrigger", "CalendarTrigger"},
    "TimeTrigger": set(TRIGGER_ORDER),
    "CalendarTrigger": {*TRIGGER_ORDER, "ScheduleByDay"},
    "Repetition": {"Interval", "Duration", "StopAtDurationEnd"},
    "ScheduleByDay": {"DaysInterval"},
    "Principals": {"Principal"},
    "Principal": {"UserId", "LogonType", "RunLevel"},
    "Settings": {
        "RestartOnFailure",
        "MultipleInstancesPolicy",
        "DisallowStartIfOnBatteries",
        "StopIfGoingOnBatteries",
        "StartWhenAvailable",
        "ExecutionTimeLimit",
        "Priority",
    },
    "RestartOnFailure": {"Interval", "Count"},
    "Actions": {"Exec"},
    "Exec": {"Command", "Arguments", "WorkingDirectory"},
}
DURATION = r"P(?=.)(\d+D)?(T(?=.)(\d+H)?(\d+M)?(\d+S)?)?"
VALUES = {
    "StartBoundary": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
    "Interval": DURATION,
    "RandomDelay": DURATION,
    "ExecutionTimeLimit": DURATION,
    "DaysInterval": r"[1-9]\d{0,2}",
    "Count": r"[1-9]\d{0,2}",
    "Priority": r"\d|10",
    "Enabled": "true|false",
    "StopAtDurationEnd": "true|false",
    "DisallowStartIfOnBatteries": "true|false",
    "StopIfGoingOnBatteries": "true|false",
    "StartWhenAvailable": "true|false",
    "MultipleInstancesPolicy": "Parallel|Queue|IgnoreNew|StopExisting",
    "LogonType": "S4U|Password|InteractiveToken",
    "RunLevel": "LeastPrivilege|HighestAvailable",
    "Command": r"(?s).{1,260}",
    "WorkingDirectory": r"(?s).{1,260}",
    "UserId": r"(?s).+",
}


def parse(options: TaskOptions) -> ElementTree.Element:
    """Read the definition as Task Scheduler does, and check it against the rules above."""
    content = build(options)
    assert content.startswith(b"\xff\xfe<\x00")
    root = ElementTree.fromstring(content)
    assert root.tag == f"{{{NAMESPACE}}}Task"
    assert root.attrib == {"version": "1.2"}
    for element in root.iter():
        name = element.tag.removeprefix(f"{{{NAMESPACE}}}")
        inside = [child.tag.removeprefix(f"{{{NAMESPACE}}}") for child in element]
        assert len(set(inside)) == len(inside), f"{name} holds an element twice"
        assert set(inside) <= CHILDREN.get(name, set()), f"{name} holds {inside}"
        if name.endswith("Trigger"):
            assert inside == [n for n in [*TRIGGER_ORDER, "ScheduleByDay"] if n in inside], f"wrong order: {inside}"
        if name in VALUES:
            assert re.fullmatch(VALUES[name], element.text or ""), f"{name} is {element.text!r}"
    principal, actions = find(root, "Principals/Principal"), find(root, "Actions")
    assert principal.get("id") == actions.get("Context")
    return root


def find(root: ElementTree.Element, path: str) -> ElementTree.Element:
    found = root.find("/".join(f"{{{NAMESPACE}}}{tag}" for tag in path.split("/")))
    assert found is not None, path
    return found


def test_every_few_hours() -> None:
    """A repeated task: the repetition comes first in the trigger."""
    root = parse(replace(TASK, random_delay=timedelta(minutes=5), interval=timedelta(hours=12.5)))
    assert find(root, "Triggers/TimeTrigger/Repetition/Interval").text == "PT12H30M"
    assert find(root, "Triggers/TimeTrigger/StartBoundary").text == "2026-01-31T03:00:00"
    assert find(root, "Triggers/TimeTrigger/RandomDelay").text == "PT5M"


def test_whole_days_follow_the_calendar() -> None:
    """A weekly task keeps its hour when the clocks change."""
    root = parse(replace(TASK, interval=timedelta(weeks=1)))
    assert find(root, "Triggers/CalendarTrigger/ScheduleByDay/DaysInterval").text == "7"


def test_on_demand_only() -> None:
    """Without an interval the task has no trigger, and can be started by hand."""
    assert len(find(parse(replace(TASK, interval=None, start=None)), "Triggers")) == 0


@pytest.mark.parametrize(
    ("account", "user_id", "logon_type"),
    [
        ("LOCAL SERVICE", "S-1-5-19", None),
        (r"NT AUTHORITY\Local Service", "S-1-5-19", None),
        (r"NT Authority\NetworkService", "S-1-5-20", None),
        ("network service", "S-1-5-20", None),
        ("SYSTEM", "S-1-5-18", None),
        (r"NT Authority\LocalSystem", "S-1-5-18", None),
        ("S-1-5-20", "S-1-5-20", None),
        (r"EXAMPLE\tasks$", r"EXAMPLE\tasks$", "Password"),
        (r"EXAMPLE\Zoë", r"EXAMPLE\Zoë", "S4U"),
    ],
)
def test_accounts(account: str, user_id: str, logon_type: str | None) -> None:
    """Service accounts by SID, whose names Windows translates, and without LogonType; a gMSA; a user."""
    principal = find(parse(replace(TASK, account=account)), "Principals/Principal")
    found = principal.find(f"{{{NAMESPACE}}}LogonType")
    assert find(principal, "UserId").text == user_id
    assert (None if found is None else found.text) == logon_type


def test_action() -> None:
    """Program, arguments and folder arrive as given: the script quoted, the folder not."""
    run = find(parse(replace(TASK, working_directory=r"D:\My Sites\shop")), "Actions/Exec")
    assert [(child.tag.rpartition("}")[2], child.text) for child in run] == [
        ("Command", TASK.command),
        ("Arguments", TASK.arguments),
        ("WorkingDirectory", r"D:\My Sites\shop"),
    ]


def test_limits_and_restarts() -> None:
    """No limit is PT0S; failed runs are tried again."""
    options = replace(
        TASK, time_limit=timedelta(0), restart_count=3, restart_interval=timedelta(minutes=10), priority=5
    )
    settings = find(parse(options), "Settings")
    assert find(settings, "ExecutionTimeLimit").text == "PT0S"
    assert find(settings, "RestartOnFailure/Interval").text == "PT10M"
    assert find(settings, "RestartOnFailure/Count").text == "3"
    assert find(settings, "Priority").text == "5"


NOW = datetime(2026, 1, 31, 14, 30, 20)
MANAGE: dict[str, Any] = {
    "program": (TASK.command, r"D:\My Sites\manage.py"),
    "working_directory": r"D:\My Sites",
    "folder": "My Sites",
    "now": NOW,
}


@pytest.mark.parametrize("name", PREDEFINED)
def test_predefined_tasks(name: str) -> None:
    """Each predefined task is a valid definition that runs its command, on a schedule."""
    root = parse(tasks.for_command(name, is_predefined=True, **MANAGE))
    assert find(root, "Actions/Exec/Arguments").text == rf'"D:\My Sites\manage.py" {PREDEFINED[name].command}'
    assert find(root, "RegistrationInfo/URI").text == rf"\My Sites\{name}"
    assert len(find(root, "Triggers")) == 1
    assert PREDEFINED[name].command.split()[0] == name


def test_what_is_given_wins_over_what_is_predefined() -> None:
    """A predefined task is a start: every value of it can be changed."""
    task = tasks.for_command(
        "syncldap",
        is_predefined=True,
        name="nightly",
        desc="At night",
        interval=timedelta(days=1),
        random=timedelta(0),
        timeout=timedelta(hours=2),
        restart=0,
        identity=r"EXAMPLE\tasks$",
        **MANAGE,
    )
    assert task == TaskOptions(
        name="nightly",
        command=TASK.command,
        arguments=r'"D:\My Sites\manage.py" syncldap',
        working_directory=r"D:\My Sites",
        folder="My Sites",
        description="At night",
        interval=timedelta(days=1),
        start=datetime(2026, 2, 1, 3, 0),
        time_limit=timedelta(hours=2),
        account=r"EXAMPLE\tasks$",
    )


def test_any_command() -> None:
    """A command line of its own runs as typed; its first word is the task's name; without interval on demand."""
    program = (TASK.command, "-m", "wauth_core")
    task = tasks.for_command('sync "My Domain" --all', **{**MANAGE, "program": program})
    assert (task.name, task.arguments) == ("sync", '-m wauth_core sync "My Domain" --all')
    assert (task.interval, task.start) == (None, None)


@pytest.mark.parametrize("command", ["", "  "])
def test_no_command(command: str) -> None:
    """An empty command has no name to take: refused, not a task that runs nothing."""
    with pytest.raises(ConfigurationError, match="needs a name"):
        build(tasks.for_command(command, **MANAGE))


def test_unknown_predefined_task() -> None:
    """A wrong name is answered with the right ones."""
    with pytest.raises(ConfigurationError, match="clearsessions, syncldap"):
        tasks.for_command("clear_sessions", is_predefined=True, **MANAGE)


@pytest.mark.parametrize(
    ("interval", "expected"),
    [
        (timedelta(hours=1), datetime(2026, 1, 31, 14, 31)),
        (timedelta(days=1), datetime(2026, 2, 1, 3, 0)),
        (timedelta(days=1.5), datetime(2026, 1, 31, 14, 31)),
    ],
)
def test_first_run(interval: timedelta, expected: datetime) -> None:
    """Daily tasks start at night, the others in a minute."""
    assert tasks.first_run(interval, NOW) == expected


def test_first_run_tonight() -> None:
    """Before 3 o'clock the coming night is today's."""
    assert tasks.first_run(timedelta(days=7), datetime(2026, 1, 31, 2, 59)) == datetime(2026, 1, 31, 3, 0)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"name": ""}, "needs a name"),
        ({"name": "a/b"}, "'a/b' cannot be"),
        ({"name": r"a\b"}, "cannot be"),
        ({"folder": "a:b"}, "'a:b' cannot be"),
        ({"folder": r"a\..\b"}, "cannot be"),
        ({"command": ""}, "needs a command"),
        ({"command": "C:\\" + "x" * 260}, "263 characters"),
        ({"working_directory": r"C:\%TEMP%\x"}, "environment variable"),
        ({"interval": timedelta(seconds=30)}, "whole minutes"),
        ({"interval": timedelta(0)}, "not possible"),
        ({"interval": timedelta(days=31, hours=1)}, "not possible"),
        ({"interval": timedelta(days=366)}, "not possible"),
        ({"start": None}, "first run"),
        ({"random_delay": timedelta(minutes=-1)}, "negative"),
        ({"priority": 11}, "0 \\(highest\\) to 10"),
        ({"restart_count": 256}, "up to 255"),
        ({"restart_count": 1, "restart_interval": timedelta(seconds=5)}, "1 minute to 31 days"),
        ({"account": " "}, "account"),
        ({"description": "bell\x07"}, "XML"),
    ],
)
def test_refused(changes: dict[str, Any], says: str) -> None:
    """What Task Scheduler would refuse is refused first, with the reason."""
    with pytest.raises(ConfigurationError, match=says):
        build(replace(TASK, **changes))


XML_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff%"), min_size=1)


@given(
    XML_TEXT.filter(lambda text: not re.search(r'[/\\:*?"<>|]', text) and text == text.strip(" .")),
    XML_TEXT.filter(lambda text: len(text) <= 260),
    XML_TEXT,
    st.integers(1, 31 * 24 * 60).map(lambda minutes: timedelta(minutes=minutes)),
    st.integers(0, 10**6).map(lambda seconds: timedelta(seconds=seconds)),
)
def test_names_and_paths_survive(
    name: str, command: str, arguments: str, interval: timedelta, time_limit: timedelta
) -> None:
    """Any name, path and command line comes out of the parser unchanged; any possible interval is valid."""
    options = replace(TASK, name=name, command=command, arguments=arguments, interval=interval, time_limit=time_limit)
    root = parse(options)
    assert find(root, "Actions/Exec/Command").text == command
    assert find(root, "Actions/Exec/Arguments").text == arguments
    assert find(root, "RegistrationInfo/URI").text == f"\\shop\\{name}"


@given(
    st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=1000)).map(lambda t: timedelta(t.days, t.seconds))
)
def test_durations(value: timedelta) -> None:
    """A duration in XML means the same length of time."""
    text = taskscheduler.iso_duration(value)
    match = re.fullmatch(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", text)
    assert match is not None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    assert timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds) == value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hours=1", timedelta(hours=1)),
        ("days=1,hours=12.5", timedelta(days=1, hours=12.5)),
        (" weeks = 1 ", timedelta(weeks=1)),
    ],
)
def test_parse_duration(text: str, expected: timedelta) -> None:
    """The notation that createtask always had."""
    assert tasks.parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "1h", "hours", "hours=x", "months=1", "hours=1,hours=2", "hours=nan", "days=1e99"]
)
def test_parse_duration_refuses(text: str) -> None:
    """Anything else is refused with an example, or with what is wrong in it."""
    with pytest.raises(ConfigurationError):
        tasks.parse_duration(text)


def finished(code: int, stderr: str = "") -> Any:
    calls: list[list[str]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        calls.append([*command, Path(command[command.index("/xml") + 1]).read_bytes().decode("utf-16")])
        return subprocess.CompletedProcess(command, code, "", stderr)

    run.calls = calls  # type: ignore[attr-defined]
    return run


def test_register(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows' own schtasks gets the path and the definition, and replaces a task of that name."""
    monkeypatch.setenv("SYSTEMROOT", r"C:\Windows")
    run = finished(0)
    command = taskscheduler.register(TASK, run)
    (call,) = run.calls
    assert command[:5] == [r"C:\Windows\System32\schtasks.exe", "/create", "/tn", r"\shop\clearsessions", "/xml"]
    assert command[6:] == ["/f"]
    assert call[-1] == build(TASK).decode("utf-16")
    assert not Path(command[5]).exists()


def test_register_a_gmsa() -> None:
    """For a group managed service account schtasks must be told that there is no password to ask for."""
    run = finished(0)
    assert taskscheduler.register(replace(TASK, account=r"EXAMPLE\tasks$"), run)[6:] == [
        "/f",
        "/ru",
        r"EXAMPLE\tasks$",
        "/rp",
        "",
    ]


def test_register_refused() -> None:
    """What schtasks says reaches the person who ran it."""
    with pytest.raises(TaskNotRegistered, match="Access is denied") as caught:
        taskscheduler.register(TASK, finished(1, "ERROR: Access is denied.\n"))
    assert caught.value.task_path == r"\shop\clearsessions"


def test_register_elsewhere() -> None:
    """Where there is no schtasks the error says what to do instead."""

    def missing(*arguments: object, **options: object) -> Any:
        raise FileNotFoundError(2, "No such file")

    with pytest.raises(TaskNotRegistered, match="this is not Windows"):
        taskscheduler.register(TASK, missing)
