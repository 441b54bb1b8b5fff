"""Many people who ask for pages all the time, and check what they are told: their own name, and their own rights."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import cycle, islice, takewhile
from typing import Any

PATIENCE = 30.0  # seconds; no page of a site that keeps its promises takes so long
KNOWN_AT_MOST = 20  # wrong answers that are kept for the report


@dataclass
class Figures:
    """What a crowd was told. *cut* counts requests whose connection ended without an answer: its worker was killed."""

    served: int = 0
    refused: int = 0
    cut: int = 0
    others: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    operations: dict[int, int] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    took: float = 0.0

    @property
    def longest(self) -> float:
        """Seconds that the slowest answer took."""
        return max(self.waits, default=0.0)

    def percentile(self, share: float) -> float:
        """Seconds within which that share of the answers came."""
        return sorted(self.waits)[int(share * (len(self.waits) - 1))] if self.waits else 0.0

    @property
    def rate(self) -> float:
        """Answers served a second."""
        return self.served / self.took if self.took else 0.0

    def __str__(self) -> str:
        others = "".join(f", {count} × {status}" for status, count in sorted(self.others.items()))
        return (
            f"served {self.served}, refused {self.refused}{others}, cut {self.cut}, wrong {len(self.wrong)}; "
            f"{self.rate:.0f}/s; longest wait {self.longest:.2f} s, p99 {self.percentile(0.99):.3f} s"
        )


class Crowd:
    """*people* of one site, by *threads* browsers at once. *is_staff* says who has that right; None, if it does not
    matter."""

    def __init__(
        self, name: str, port: int, people: Iterable[str], is_staff: Callable[[str], bool | None], threads: int = 4
    ) -> None:
        self.name = name
        self.port = port
        self.people = list(people)
        self.is_staff = is_staff
        self.threads = threads
        self._cookies: dict[str, str] = {}
        self._mutex = threading.Lock()

    def ask(self, times: int) -> Figures:
        """Let so many requests be made, by one person after the other."""
        return self._run(islice(cycle(self.people), times))

    def ask_until(self, over: threading.Event) -> Figures:
        """Let people ask until the event is set."""
        return self._run(takewhile(lambda person: not over.is_set(), cycle(self.people)))

    def sign_in(self, people: Iterable[str]) -> Figures:
        """One request of each, who may be strangers."""
        return self._run(iter(list(people)))

    def _run(self, asking: Iterable[str]) -> Figures:
        figures, people = Figures(), iter(asking)

        def next_person() -> str | None:
            with self._mutex:
                return next(people, None)

        def browse() -> None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
            while (person := next_person()) is not None:
                self._ask(connection, person, figures)
            connection.close()

        threads = [threading.Thread(target=browse, daemon=True) for _ in range(self.threads)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        figures.took = time.monotonic() - figures.began
        return figures

    def _ask(self, connection: http.client.HTTPConnection, person: str, figures: Figures) -> None:
        headers = {"RemoteUser": f"EXAMPLE\\{person}", "Host": "intranet.example.local"}
        if person in self._cookies:
            headers["Cookie"] = self._cookies[person]
        began = time.monotonic()
        try:
            if connection.sock is not None and _has_ended(connection.sock):
                connection.close()
            connection.request("GET", "/", headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if isinstance(error, TimeoutError):
                self._wrong(figures, f"{person}: no answer within {PATIENCE:.0f} s")
            figures.cut += 1
            if isinstance(error, ConnectionRefusedError):
                time.sleep(0.05)
            return
        figures.waits.append(time.monotonic() - began)
        cookies = [value.split(";")[0] for name, value in answer.getheaders() if name.lower() == "set-cookie"]
        if cookies:
            self._cookies[person] = "; ".join(cookies)
        if answer.status == 200:
            figures.served += 1
            self._check(person, body, figures)
        elif answer.status == 503:
            figures.refused += 1
            if answer.getheader("Retry-After") is None:
                self._wrong(figures, f"{person}: 503 without Retry-After")
        else:
            figures.others[answer.status] += 1

    def _check(self, person: str, body: bytes, figures: Figures) -> None:
        said: dict[str, Any] = json.loads(body)
        name, staff = f"EXAMPLE\\{person}", self.is_staff(person)
        if said["name"] != name or staff not in (None, said["staff"]):
            self._wrong(figures, f"{person} of {self.name} was told {said}")
        figures.operations[said["pid"]] = max(said["operations"], figures.operations.get(said["pid"], 0))

    def _wrong(self, figures: Figures, what: str) -> None:
        if len(figures.wrong) < KNOWN_AT_MOST:
            figures.wrong.append(what)


def _has_ended(connected: socket.socket) -> bool:
    """Whether the server has ended a connection that is kept open between two requests."""
    connected.setblocking(False)
    try:
        return connected.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
    finally:
        connected.settimeout(PATIENCE)
