"""``wauth demo``: a directory, and the same small intranet on Django and on Flask, side by side, on this machine.

**Rooms.**

- `page`: the content of the intranet's one page, as plain data, so that both sites stay tiny.
- ``templates/``: its look, in the syntax that Jinja and Django's templates share.
- `portal`: the frame around the two sites, in which one plays visitor, administrator and attacker.
- `guide`: the steps of its tour.
- `host`: all of it in one process.
- `tour`: ``--check``.
"""

from __future__ import annotations

from pathlib import Path

TEMPLATES = Path(__file__).parent / "templates"
STATIC = Path(__file__).parent / "static"
