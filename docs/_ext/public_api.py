"""The public modules, as docs/CONTRIBUTING.md lists them, and where each public name is described."""

from __future__ import annotations

import importlib
import re
from itertools import takewhile
from pathlib import Path

DOCS = Path(__file__).parents[1]


def public_modules() -> list[str]:
    """The modules in CONTRIBUTING's section "The public API", in its order."""
    section = (DOCS / "CONTRIBUTING.md").read_text("utf-8").partition("\n## The public API\n")[2].partition("\n## ")[0]
    return re.findall(r"`(wauth_\w+(?:\.\w+)*)`", "\n".join(re.findall(r"^\| (`.*?) \|", section, re.M)))


def home_of(name: str, module: str) -> str:
    """The public module that describes *name* of *module*: of those that list the same object, the nearest to where it
    is defined. ``wauth_core.DirectoryUser`` is described with `wauth_core.directory`."""
    value = getattr(importlib.import_module(module), name)
    origin = getattr(value, "__module__", module) or module
    listing = [module]
    for other in public_modules():
        home = importlib.import_module(other)
        if other != module and name in home.__all__ and getattr(home, name) is value:
            listing.append(other)
    return max(listing, key=lambda each: (_shared(each, origin), each == module))


def _shared(one: str, other: str) -> int:
    """How many rooms the paths of two modules have in common."""
    pairs = zip(one.split("."), other.split("."), strict=False)
    return len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
