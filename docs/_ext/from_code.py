"""Tables that the code itself fills, so that they cannot be wrong: log messages, commands, the API."""

from __future__ import annotations

import ast
import importlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import FunctionType

import click
from docutils import nodes
from docutils.statemachine import StringList
from public_api import home_of
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective
from werkzeug.local import LocalProxy

ROOT = Path(__file__).parents[2]
LEVELS = ("critical", "error", "exception", "warning", "info", "debug")
DJANGO = {
    "INSTALLED_APPS": [
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "django.contrib.sessions",
        "wauth_django",
        "wauth_django.ldap_metrics",
    ],
    "DATABASES": {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    "SECRET_KEY": "only to build the documentation",
}


def log_events(root: Path = ROOT) -> dict[str, list[tuple[str, str]]]:
    """Every message that our code logs: logger to (level, text as it stands in the code), in the code's order."""
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for path in sorted(root.glob("wauth_*/**/*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for logger, level, text in _events(tree):
            if (level, text) not in found[logger]:
                found[logger].append((level, text))
    return dict(sorted(found.items()))


def _events(tree: ast.Module) -> Iterator[tuple[str, str, str]]:
    loggers = {
        target.id: ast.literal_eval(node.value.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        if isinstance(node.value.func, ast.Attribute) and node.value.func.attr == "getLogger"
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        owner = node.func.value
        if isinstance(owner, ast.Name) and owner.id in loggers and node.func.attr in (*LEVELS, "log"):
            level, text = (node.func.attr, node.args[0]) if node.func.attr != "log" else ("varies", node.args[1])
            yield loggers[owner.id], level.replace("exception", "error"), ast.unparse(text).strip("'\"")


class _FromCode(SphinxDirective):
    def parsed(self, markdown: str) -> list[nodes.Node]:
        for path in ROOT.glob("wauth_*/**/*.py"):
            self.env.note_dependency(str(path))
        return self.parse_text_to_nodes(StringList(markdown.splitlines(), source=__file__), allow_section_headings=True)


class LogEvents(_FromCode):
    """A section for each logger, with a table of what it logs."""

    def run(self) -> list[nodes.Node]:
        """The sections."""
        lines: list[str] = []
        for logger, events in log_events().items():
            lines += ["", f"## {logger}", "", "| level | message |", "|---|---|"]
            lines += [f"| {level} | `{text.replace('|', '¦')}` |" for level, text in events]
        return self.parsed("\n".join(lines))


class Commands(_FromCode):
    """A section for each command of ``wauth`` (argument ``wauth``) or of ``manage.py`` (``django``), with its help."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The sections."""
        helps = _wauth_helps() if self.arguments[0] == "wauth" else _django_helps()
        lines: list[str] = []
        for name, text in helps:
            lines += ["", f"## {name}", "", "```text", text.rstrip(), "```"]
        return self.parsed("\n".join(lines))


class Api(_FromCode):
    """What a public module (the argument) offers: all that its ``__all__`` lists."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """A heading for the module, and a description for each name; or the module where that is."""
        module = self.arguments[0]
        lines = ["", f"## {module}", ""]
        homes = {name: home_of(name, module) for name in importlib.import_module(module).__all__}
        for home in sorted({home for home in homes.values() if home != module}):
            names = ", ".join(f"`{name}`" for name, of in homes.items() if of == home)
            lines += [f"From `{home}`, which describes them: {names}.", ""]
        lines.append("```{eval-rst}")
        for name in (name for name, home in homes.items() if home == module):
            directive = _directive(module, name)
            lines += [f".. {directive}:: {module}.{name}" if directive else "", ""]
            if directive == "autodata":
                lines[-1:] = ["   :no-value:", ""]
        return self.parsed("\n".join([*lines, "```"]))


def _directive(module: str, name: str) -> str:
    """How Sphinx documents it; "" for a proxy, which is nothing outside of a request: the page describes it."""
    value = getattr(importlib.import_module(module), name)
    if issubclass(type(value), LocalProxy):
        return ""
    if isinstance(value, FunctionType):
        return "autofunction"
    if not isinstance(value, type):
        return "autodata"
    return "autoexception" if issubclass(value, BaseException) else "autoclass"


def _wauth_helps() -> Iterator[tuple[str, str]]:
    from wauth_core.cli.app import COMMANDS, wauth

    root = click.Context(wauth, info_name="wauth", terminal_width=88, max_content_width=88)
    for name in sorted(COMMANDS):
        if command := wauth.get_command(root, name):
            yield from _helps(command, click.Context(command, info_name=name, parent=root))


def _helps(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    yield context.command_path, command.get_help(context)
    for name in command.list_commands(context) if isinstance(command, click.Group) else ():
        if inner := command.get_command(context, name):
            yield from _helps(inner, click.Context(inner, info_name=name, parent=context))


def _django_helps() -> Iterator[tuple[str, str]]:
    from django.core.management import load_command_class

    folders = {
        "wauth_django": ROOT / "wauth_django" / "management" / "commands",
        "wauth_django.ldap_metrics": ROOT / "wauth_django" / "ldap_metrics" / "management" / "commands",
    }
    for app, folder in folders.items():
        for path in sorted(folder.glob("[a-z]*.py")):
            parser = load_command_class(app, path.stem).create_parser("manage.py", path.stem)
            yield f"manage.py {path.stem}", parser.format_help()


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls this. The API reference imports Django's models, so Django is set up."""
    import django
    from django.conf import settings

    if not settings.configured:
        settings.configure(**DJANGO)
        django.setup()
    app.add_directive("log-events", LogEvents)
    app.add_directive("commands", Commands)
    app.add_directive("api", Api)
    return {"parallel_read_safe": True}
