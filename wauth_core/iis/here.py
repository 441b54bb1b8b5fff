"""What the running Python knows about itself, for a configuration that is generated on the server itself."""

from __future__ import annotations

import importlib.util
import os
import re
import sys

from wauth_core.exceptions import ConfigurationError
from wauth_core.iis.options import WebConfigOptions


def interpreter() -> str:
    """The full path of the running interpreter; in a virtual environment, that environment's own."""
    if not sys.executable:
        raise ConfigurationError("Python does not know its own path here: name the interpreter with --python.")
    return os.path.abspath(sys.executable)


def interpreter_folders() -> tuple[str, ...]:
    """The folders that an application pool must be able to read: the environment's, and those of its base Python."""
    return tuple(dict.fromkeys((os.path.abspath(sys.prefix), os.path.abspath(sys.base_prefix))))


def wfastcgi() -> str:
    """The full path of the installed wfastcgi.py; empty if it is not installed."""
    found = importlib.util.find_spec("wfastcgi")
    return os.path.abspath(found.origin) if found and found.origin else ""


# What the command line in web.config imports, and the extra that installs it
SERVED_BY = {
    "waitress": (("waitress", "click", "asgiref", "itsdangerous"), '"windowsauth[iis]"'),
    "uvicorn": (("uvicorn", "click", "asgiref", "itsdangerous"), '"windowsauth[iis-asgi]"'),
    "hypercorn": (("hypercorn",), "hypercorn"),
    "granian": (("granian",), "granian"),
}


def check(options: WebConfigOptions) -> None:
    """Raise ConfigurationError if this Python, which *options* name, cannot run what web.config starts."""
    problem = next(filter(None, map(out_of_reach, (options.python, *interpreter_folders()))), None)
    if problem and STORE in problem:
        raise ConfigurationError(f"An application pool cannot run this Python. {problem}")
    if options.handler == "httpplatform":
        modules, install = SERVED_BY[options.server]
        missing = [name for name in modules if importlib.util.find_spec(name) is None]
        if missing:
            raise ConfigurationError(
                f"web.config would run {options.python}, which lacks {', '.join(missing)}: pip install {install}"
            )


STORE = "Microsoft Store"


def out_of_reach(path: str) -> str | None:
    """Why an application pool cannot read a Python at *path*, and what to install instead; None if it can.

    Pools run under their own accounts, which have no rights in a person's profile. The folders are the defaults of each
    installer.
    """
    below = path.replace("/", "\\").lower()
    advice = "Install Python for all users: python.org's installer, Customize, Install for all users."
    if "\\windowsapps\\" in below:
        return f"{path} is from the {STORE}, which runs for signed-in people only. {advice}"
    if "\\appdata\\roaming\\uv\\" in below:
        return (
            f"{path} is uv's, in a person's profile. Install it for all: set UV_PYTHON_INSTALL_DIR to C:\\Python, run "
            "uv python install, and make the environment again (uv venv)."
        )
    if "\\appdata\\local\\python\\" in below:
        return (
            f"{path} is of the Python install manager, in a person's profile. Install one for all, "
            r"py install --target C:\Python313 3.13, and make the environment again with it."
        )
    if re.match(r"[a-z]:\\users\\(?!public\\)", below):
        return f"{path} lies in a person's profile. {advice} Keep the site and its environment out of C:\\Users too."
    return None


def default_handler() -> str:
    """ "fastcgi" where wfastcgi is installed, "httpplatform" elsewhere."""
    return "fastcgi" if wfastcgi() else "httpplatform"
