"""State that a forked child must not share with its parent: locks somebody else holds, sockets both would use."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeVar

State = TypeVar("State")


class PerProcess(Generic[State]):
    """One *State* for each process, made by *make* where it is first asked for.

    *forget* is called in a forked child with what it inherited.
    """

    def __init__(self, make: Callable[[], State], forget: Callable[[State], None] = lambda inherited: None) -> None:
        self._make = make
        self._forget = forget
        self._states: dict[int, State] = {os.getpid(): make()}

    @property
    def here(self) -> State:
        """This process's."""
        process = os.getpid()
        state = self._states.get(process)
        if state is None:
            state = self._states.setdefault(process, self._make())  # no lock: one may be held by a thread that is gone
            for other in [known for known in self._states if known != process]:
                inherited = self._states.pop(other, None)
                if inherited is not None:
                    self._forget(inherited)
        return state
