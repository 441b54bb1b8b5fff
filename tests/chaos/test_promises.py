"""What a bad day may not do, each promise with several real workers."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.crowd import Crowd
from tests.chaos.faults import hidden, silent
from tests.chaos.town import SERVERS, Site, Town, user, wait_until
from tests.e2e.servers import negotiate
from wauth_core.sync.brake import FREE

STALE = 4  # seconds: WAUTH_MAX_STALENESS of the site of these tests
STAFF = [user(number) for number in (0, 1, 2, 50, 51)]
NEW = [user(1900)] * 12  # one person, who comes for the first time, twelve times at once


@pytest.fixture(scope="module")
def short(chaos: Town) -> Iterator[Site]:
    """Eight workers, whose people's rights lapse a few seconds after the directory was asked in vain."""
    settings = chaos.told("gunicorn")["settings"] | {"WAUTH_MAX_STALENESS": STALE}
    yield chaos.start("short", "gunicorn", settings=settings)
    chaos.stop("short")


def test_a_claim_never_decides(chaos: Town, short: Site) -> None:
    """Five people ask all eight workers all the time, so that most meet another worker's claim. Nobody is refused,
    and when the limit has passed nobody keeps the right, not even those whose claim's holder was killed."""
    healthy = Crowd("short", short.process.port, STAFF, lambda person: True, threads=8)
    lapsing = Crowd("short", short.process.port, STAFF, lambda person: None, threads=8)
    lapsed = Crowd("short", short.process.port, STAFF, lambda person: False, threads=8)
    told = healthy.ask(60)
    assert (told.served, told.wrong) == (60, []), short.process.said()
    newcomers = Crowd("short", short.process.port, [], lambda person: None, threads=8).sign_in(NEW)
    assert newcomers.served == len(NEW), (newcomers, short.process.said())
    with silent(chaos):
        lapsing.ask(16)  # now workers hold claims, and wait
        chaos.kill_workers(short)
        wait_until(lambda: not lapsed.ask(8).wrong, 40, "the rights lapse")
        told = lapsed.ask(60)
        assert (told.served, told.wrong) == (60, []), (told, short.process.said())
    wait_until(lambda: not healthy.ask(8).wrong, 45, "the rights come back")
    told = healthy.ask(60)
    assert (told.served, told.wrong) == (60, []), (told, short.process.said())


def test_sessions_that_live_in_a_cache_fail_shut(chaos: Town) -> None:
    """A wrapper's session is not believed while its number cannot be read: 503. A cache that forgot has ended it."""
    site = chaos.sites["uvicorn"]
    ticket = chaos.controllers[0].kinit(user(7))
    signed_in = negotiate(site.process.url("/"), ticket)
    assert signed_in.told["name"] == f"EXAMPLE\\{user(7)}", signed_in
    cookie = [("Cookie", each.split(";")[0]) for each in signed_in.all("Set-Cookie")]

    def status() -> int:
        return int(site.process.get("/", cookie).status)

    assert status() == 200
    chaos.redis.kill()
    wait_until(lambda: status() == 503, 30, "the number is asked for")
    chaos.redis.start()
    wait_until(lambda: status() == 401, 30, "the session has ended")


@pytest.fixture
def fresh(chaos: Town) -> Iterator[list[Site]]:
    """One site of each kind, whose processes have met nobody yet: a share of the people who came may vanish."""
    yield [chaos.start(f"fresh {kind}", kind) for kind in SERVERS]
    for kind in SERVERS:
        chaos.stop(f"fresh {kind}")


def test_a_directory_that_finds_nobody_shuts_out_three(chaos: Town, fresh: list[Site]) -> None:
    """The directory says of a dozen people, who all come, that there is nobody. All workers of all sites together
    believe it of three of them."""
    people = {site: site.crowd(100, 112) for site in fresh}
    for crowd in people.values():
        assert crowd.ask(12).served == 12
    refused: set[str] = set()
    with hidden(chaos, [user(number) for number in range(100, 112)]):
        for site, crowd in people.items():
            for person in crowd.people:
                told = crowd.sign_in([person])
                assert told.served + told.others[403] == 1, (person, told, site.process.said())
                refused |= {person} if told.others[403] else set()
    assert len(refused) == FREE
    for crowd in people.values():
        wait_until(lambda crowd=crowd: crowd.ask(12).served == 12, 30, "all are back")  # type: ignore[misc]


def test_one_bulk_run_at_a_time(chaos: Town, tmp_path: Path) -> None:
    """Three begin: one does the work. The others end at once, with a line and a status of their own."""
    config = tmp_path / "wauth.toml"
    first = chaos.controllers[0]
    settings = {
        "SERVER": first.host,
        "USERNAME": chaos.account,
        "SEARCH_BASE": first.base_dn,
        "CA_FILE": str(chaos.ca_file),
        "PASSWORD": first.password,
    }
    config.write_text("[domains.EXAMPLE]\n" + "".join(f"{name} = {json.dumps(settings[name])}\n" for name in settings))
    command = [sys.executable, "-m", "wauth_core", "--config", str(config), "sync"]
    command += ["--database", str(tmp_path / "users.sqlite3")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
    ended = [(process.communicate(timeout=170), process.returncode) for process in running]
    said = {code: errors.decode().strip().splitlines() for (_, errors), code in ended}
    assert sorted(code for _, code in ended) == [0, 3, 3], said
    assert len(said[3]) == 1, said[3]
    done = subprocess.run(command, capture_output=True, check=True, timeout=170)
    assert b"Nothing to do" in done.stdout, done
