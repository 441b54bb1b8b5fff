"""``python -m wauth_core.testing.demo``: the demo, as ``wauth demo``."""

from __future__ import annotations

from .demo_command import demo

demo(prog_name="wauth demo")
