"""``python -m wauth_core.testing``: the embedded directory, as ``wauth directory``."""

from __future__ import annotations

from .directory_command import directory

directory(prog_name="wauth directory")
