"""What the embedded directory was asked; without the farewells of connections that an earlier test left."""

from __future__ import annotations

from typing import Any


def asked(directory: Any, *kinds: str) -> list[Any]:
    """The operations so far, of those kinds; by default all but unbind and abandon."""
    operations = list(directory.operations)
    if kinds:
        return [operation for operation in operations if operation.op in kinds]
    return [operation for operation in operations if operation.op not in {"unbind", "abandon"}]
