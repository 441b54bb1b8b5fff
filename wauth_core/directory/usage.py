"""ldap3's metrics of many connections, as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_MOMENTS: dict[str, Callable[..., Any]] = {
    "initial_connection_start_time": min,
    "open_socket_start_time": max,
    "connection_stop_time": max,
    "last_transmitted_time": max,
    "last_received_time": max,
}


def add(total: Any, more: Any) -> None:
    """Sum the counters. ldap3 does not sum times: we keep the first start, and the last of every other time."""
    total += more
    for name, choose in _MOMENTS.items():
        known = [moment for moment in (getattr(total, name), getattr(more, name)) if moment is not None]
        setattr(total, name, choose(known, default=None))
