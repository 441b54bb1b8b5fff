"""The faults of a bad day: one fault is one row. Each is struck while crowds ask at all three sites."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.ad.certificates import Authority
from tests.chaos.town import Town

DAYS = 86_400
SERVED, REFUSED = frozenset({200}), frozenset({503})
EITHER = SERVED | REFUSED


@dataclass(frozen=True)
class Fault:
    """What is struck, and what people may be told meanwhile, by the name of the site.

    *known* are the statuses for people whom the site knows: 200 everywhere, unless it says otherwise. *stranger* are
    those for somebody who comes for the first time. With *silent* no process may ask the directory more than a
    handful of questions, however many people come. *slow* are sites whose server takes its
    time to start a worker. *of_clock* says that it strikes the site `CLOCK`, and that one alone.
    """

    name: str
    strike: Callable[[Town], AbstractContextManager[None]]
    known: dict[str, frozenset[int]] = field(default_factory=dict)
    stranger: frozenset[int] = SERVED
    silent: bool = False
    slow: frozenset[str] = frozenset()
    of_clock: bool = False


@contextmanager
def silent(town: Town, *, of: int = 2) -> Iterator[None]:
    """Controllers accept connections and answer nothing."""
    with ExitStack() as stack:
        for controller in town.controllers[:of]:
            stack.enter_context(controller.frozen())
        yield


@contextmanager
def lost(*servers: Any) -> Iterator[None]:
    """Servers are gone, as by a power cut; their addresses refuse connections."""
    for server in servers:
        server.kill()
    try:
        yield
    finally:
        for server in servers:
            server.start()


@contextmanager
def nameless(town: Town) -> Iterator[None]:
    """Name servers are silent, and new processes know no address."""
    town.name_controllers(False)
    town.renew_workers()
    try:
        yield
    finally:
        town.name_controllers(True)


@contextmanager
def workers_killed(town: Town) -> Iterator[None]:
    """Every worker of every site is killed, with whatever it has begun."""
    for site in town.sites.values():
        town.kill_workers(site)
    yield


@contextmanager
def databases_restarted(town: Town) -> Iterator[None]:
    """All their connections are broken, and new ones can be had."""
    with lost(town.postgres, town.mariadb):
        pass
    yield


def clock_moved(seconds: int) -> Callable[[Town], AbstractContextManager[None]]:
    """The clock of one site is wrong."""

    @contextmanager
    def strike(town: Town) -> Iterator[None]:
        town.clock.write_text(f"{seconds:+}\n")
        try:
            yield
        finally:
            town.clock.write_text("+0\n")

    return strike


@contextmanager
def disk_full(town: Town) -> Iterator[None]:
    """Nothing more can be written to the disk that a site's processes share."""
    filler = town.disk / "filler"
    subprocess.run(["dd", "if=/dev/zero", f"of={filler}", "bs=4k"], check=False, stderr=subprocess.DEVNULL)
    town.renew_workers()
    try:
        yield
    finally:
        os.unlink(filler)


@contextmanager
def wrong_secret(town: Town) -> Iterator[None]:
    """The service account has a new password, which the sites do not know, and no connection is left."""
    controller = town.controllers[0]
    controller.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=3")
    sam = town.account.partition("\\")[2]
    controller.set_password(sam, "An0ther-Passw0rd!")
    town.controllers[1].replicate_from(controller)
    town.renew_workers()
    try:
        yield
        failures, locked = town.password_failures()
        assert not locked
        assert failures <= 2, f"{failures} wrong passwords were counted"
    finally:
        controller.set_password(sam, controller.password)
        controller.tool("domain", "passwordsettings", "set", "--account-lockout-threshold=0")
        town.controllers[1].replicate_from(controller)
        town.secret.write_text(controller.password + "\n")  # the same one: but a person has looked at it


@contextmanager
def certificates_renewed(town: Town) -> Iterator[None]:
    """The controllers have certificates of another authority, which the sites do not trust yet."""
    _renew_certificates(town)
    try:
        yield
    finally:
        town.trust()  # and nobody starts a site again


def _renew_certificates(town: Town) -> None:
    town.authorities += 1
    authority = Authority(town.folder / f"authority-{town.authorities}", f"authority {town.authorities}")
    for controller in town.controllers:
        controller.stop()
        controller._authority = authority
        controller._configure()
        controller.start()


@contextmanager
def hidden(town: Town, people: Sequence[str]) -> Iterator[None]:
    """The directory's answer about *people* is "success, nobody": they no longer match USER_QUERY_FILTER."""
    _hide(town, people, "hidden")
    try:
        yield
    finally:
        _hide(town, people, None)


def _hide(town: Town, people: Sequence[str], value: str | None) -> None:
    first, second = town.controllers
    for person in people:
        first.modify(person, employeeType=value)
    second.replicate_from(first)


FAULTS = (
    Fault("every controller is silent", silent, stranger=REFUSED, silent=True),
    Fault("every controller is killed", lambda town: lost(*town.controllers), stranger=REFUSED),
    Fault("the first controller is silent", lambda town: silent(town, of=1), stranger=EITHER),
    Fault("the first controller is killed", lambda town: lost(town.controllers[0])),
    Fault("name servers are silent", nameless, stranger=EITHER),
    Fault("workers are killed", workers_killed, slow=frozenset({"uvicorn"})),
    Fault("caches are killed", lambda town: lost(town.redis, town.memcached)),
    Fault(
        "databases are killed",
        lambda town: lost(town.postgres, town.mariadb),
        known={"gunicorn": REFUSED, "waitress": REFUSED},
        stranger=EITHER,
    ),
    Fault("databases are restarted", databases_restarted, known={"gunicorn": EITHER, "waitress": EITHER}),
    Fault("the clock is three days ahead", clock_moved(3 * DAYS), of_clock=True),
    Fault("the clock is three days behind", clock_moved(-3 * DAYS), of_clock=True),
    Fault("the disk is full", disk_full),
    Fault("certificates are renewed", certificates_renewed, stranger=REFUSED),
    Fault("the service account has another password", wrong_secret, stranger=EITHER),
)
