"""What the running Python knows of itself, for a configuration that is made on the server it is for."""

from __future__ import annotations

import importlib.util
import os
import sys

from wauth_core.exceptions import ConfigurationError


def interpreter() -> str:
    """The full path of the running interpreter; inside a virtual environment that environment's own."""
    if not sys.executable:
        raise ConfigurationError("Python does not know its own path here: name the interpreter with --python.")
    return os.path.abspath(sys.executable)


def interpreter_folders() -> tuple[str, ...]:
    """The folders that an application pool must be able to read: the environment, and the Python it was made from."""
    return tuple(dict.fromkeys((os.path.abspath(sys.prefix), os.path.abspath(sys.base_prefix))))


def wfastcgi() -> str:
    """The full path of the installed wfastcgi.py; empty if it is not installed."""
    found = importlib.util.find_spec("wfastcgi")
    return os.path.abspath(found.origin) if found and found.origin else ""


def default_handler() -> str:
    """ "fastcgi" where wfastcgi is installed, "httpplatform" elsewhere."""
    return "fastcgi" if wfastcgi() else "httpplatform"
