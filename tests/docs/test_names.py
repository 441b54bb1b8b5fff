"""What the pages name is there: modules and their names, settings, files, and printed commands with their options.

The other direction, that all of it is documented, is held by test_reference.py, tests/core/test_docs.py and
tests/architecture.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
from django.core.management import get_commands, load_command_class

import tests.django_app.setup  # noqa: F401 - Django's modules and commands are named too
from wauth_core import SiteSettings
from wauth_core.cli.app import wauth
from wauth_core.setting_kinds import declared
from wauth_core.site_settings import public_name
from wauth_flask.flask_commands import _Group
from wauth_flask.state import OURS

ROOT = Path(__file__).parents[2]
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text("utf-8")
    for path in [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").rglob("*.md"))]
}
FLASK = _Group("wauth")
FOR_TESTS = ("docs/CONTRIBUTING.md", "docs/explanation/threats.md")  # these tell how tests are run
OTHERS = {"WAUTH_DOMAINS", "WAUTH_CONFIG"}  # the entries of domains; the command's variable


def found(pattern: str) -> list[tuple[str, str]]:
    """Page and text, for each text in the pages that *pattern* finds."""
    return sorted({(page, text.rstrip(".")) for page, whole in PAGES.items() for text in re.findall(pattern, whole)})


def is_there(name: str) -> bool:
    """Whether the dotted *name* is a module, or something in one."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        try:
            value: Any = import_module(".".join(parts[:end]))
        except ModuleNotFoundError as error:
            if error.name is not None and not name.startswith(error.name):
                return True  # there, and wants a library that is not installed
            continue
        for part in parts[end:]:
            value = getattr(value, part, None)
        return value is not None
    return False


def test_a_name_of_ours_is_there():
    """``wauth_core.something``, in text and in code."""
    named = found(r"\bwauth_(?:core|wsgi|django|flask)(?:\.\w+)+")
    assert len(named) > 50
    assert [f"{page}: {name}" for page, name in named if not is_there(name)] == []


def test_a_setting_that_is_named_exists():
    """``WAUTH_SOMETHING`` is a setting of the site, one of Flask's own, or a variable that the tests read."""
    settings = {public_name(name) for name in declared(SiteSettings)} | set(OURS) | OTHERS
    tests = "\n".join(path.read_text("utf-8") for path in (ROOT / "tests").rglob("*.py"))
    named = found(r"\bWAUTH_[A-Z_]*[A-Z]\b")
    assert len(named) > 50
    unknown = [(page, name) for page, name in named if name not in settings]
    for_tests = {name for page, name in unknown if page in FOR_TESTS and f'"{name}"' in tests}
    assert [f"{page}: {name}" for page, name in unknown if name not in for_tests] == []


def test_a_file_that_is_named_exists():
    """Those of the repository; ``python -m`` for its own modules."""
    files = found(r"(?<![\w/-])((?:wauth_(?:core|wsgi|django|flask)|tests|benchmarks|examples)/[\w./-]+\w)(?![\w*])")
    modules = found(r"python -m ((?:tests|benchmarks)(?:\.\w+)*)")
    assert len(files) > 20
    assert [f"{page}: {name}" for page, name in files if not (ROOT / name).exists()] == []
    assert [f"{page}: {name}" for page, name in modules if not is_there(name)] == []


def printed(program: str) -> Iterator[tuple[str, str]]:
    """Page and arguments, for each command line of *program*: in blocks of shells, and in the text."""
    for page, whole in PAGES.items():
        for language, block in re.findall(r"^ *```(\w*)\n(.*?)^ *```", whole, re.S | re.M):
            if language in ("", "console", "powershell", "sh", "text"):
                for line in block.splitlines():
                    for part in re.split(r" (?:\||&&|#) ?", line.removeprefix("$ ")):
                        if part.strip().startswith(f"{program} "):
                            yield page, part.strip().removeprefix(program)
        prose = re.sub(r"^ *```.*?^ *```", "", whole, flags=re.S | re.M)
        for code in re.findall(rf"`(?:py )?{re.escape(program)}((?: |\n)[^`]+)`", prose):
            yield page, code


def unknown_of(group: click.Group, arguments: str) -> str:
    """What *group* does not know in a printed command line: "" for nothing."""
    words, command, parent = shlex.split(arguments), group, None
    try:
        while True:
            context = click.Context(command, info_name=command.name, parent=parent)
            _, rest, _ = command.make_parser(context).parse_args(words)
            if not isinstance(command, click.Group) or not rest or "…" in rest[0] or rest[0].isupper():
                return ""
            inner = command.get_command(context, rest[0])
            if inner is None:
                return f"no command {rest[0]}"
            command, words, parent = inner, rest[1:], context
    except click.NoSuchOption as error:
        return error.format_message()
    except click.BadOptionUsage:  # named without its value
        return ""


@pytest.mark.parametrize(
    ("program", "group"), [("wauth", wauth), ("flask wauth", FLASK), ("flask --app shop wauth", FLASK)]
)
def test_a_printed_command_is_one(program, group):
    """With every option that is printed."""
    lines = list(printed(program))
    assert lines
    assert [f"{page}: {program}{line}: {why}" for page, line in lines if (why := unknown_of(group, line))] == []


def test_the_guide_of_flask_lists_its_commands():
    """Each once, in the table."""
    section = PAGES["docs/howto/flask.md"].partition("\n## Commands\n")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`.*?) \|", section, re.M)
    listed = [word for cell in cells for word in re.findall(r"`(?:flask wauth )?([a-z]+)", cell)]
    assert sorted(listed) == sorted(FLASK.lazy)


def test_a_printed_command_of_django_is_one():
    """``manage.py``: Django's own and ours, of ours the options too."""
    wrong, ours = [], 0
    lines = [*printed("manage.py"), *printed("py manage.py"), *printed("python manage.py")]
    for page, line in lines:
        name, *words = shlex.split(line)
        app = get_commands().get(name)
        if app is None:
            wrong.append(f"{page}: {name}")
        elif str(app).startswith("wauth_"):
            ours += 1
            known = load_command_class(app, name).create_parser("manage.py", name)._option_string_actions
            wrong += [f"{page}: {name} {word}" for word in words if word.startswith("-") and word not in known]
    assert ours > 15
    assert wrong == []
