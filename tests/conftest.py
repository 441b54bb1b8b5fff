"""What every test folder shares."""

from __future__ import annotations

from importlib.metadata import entry_points

OURS = "wauth_core.testing.pytest_plugin"
"""Loaded by its entry point where windowsauth is installed; pytest refuses to load it twice."""

pytest_plugins = ["tests.ad.fixtures"]
if OURS not in {found.value for found in entry_points(group="pytest11")}:
    pytest_plugins.append(OURS)
