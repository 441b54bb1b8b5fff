"""How fast the embedded directory loads and answers: ``python -m benchmarks.embedded_directory [USERS]``.

The aims: 100,000 people load in seconds, and a BASE search is answered in under a millisecond.
"""

from __future__ import annotations

import resource
import socket
import statistics
import sys
import time
from collections.abc import Callable

import ldap3

from wauth_core.testing import EmbeddedDirectory, generate
from wauth_core.testing.embedded import ber

ROUNDS = 2000
RANDOM_STEP = 7919


def main(users: int) -> None:
    """Load, then measure each kind of search."""
    started = time.perf_counter()
    people = generate(users)
    with EmbeddedDirectory(people) as directory:
        print(f"{users:,} people, {len(people['groups']):,} groups: loaded in {time.perf_counter() - started:.1f} s")
        print(f"memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB for the whole process")
        server = ldap3.Server(directory.url, get_info=ldap3.NONE)
        connection = ldap3.Connection(server, directory.bind_user, directory.bind_password, auto_referrals=False)
        connection.open()
        connection.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.bind()
        guids = [directory.guid(f"user{n * RANDOM_STEP % users:05d}").bytes_le.hex() for n in range(ROUNDS)]

        def base_search(number: int) -> None:
            connection.search(
                f"<GUID={guids[number]}>", "(objectClass=*)", "BASE", attributes=["mail", "sn", "tokenGroups"]
            )
            assert len(connection.response) == 1

        def by_name(number: int) -> None:
            query = f"(&(objectClass=user)(sAMAccountName=user{number:05d}))"
            connection.search(directory.base_dn, query, attributes=["mail"])
            assert len([item for item in connection.response if item["type"] == "searchResEntry"]) == 1

        measure("BASE search with tokenGroups, raw socket", raw_base_search(directory, guids))
        measure("BASE search with tokenGroups, ldap3", base_search)
        measure("by sAMAccountName, ldap3", by_name)
        inside = directory.operations.only("search")
        own = [operation.seconds for operation in inside[-2 * ROUNDS : -ROUNDS]]
        print(f"{'of the second, inside the server':45} median {statistics.median(own) * 1e6:7.0f} µs")
        started = time.perf_counter()
        pages = connection.extend.standard.paged_search(
            directory.base_dn, "(objectClass=user)", attributes=["sAMAccountName"], paged_size=1000, generator=True
        )
        count = sum(1 for item in pages if item["type"] == "searchResEntry")
        print(f"all {count:,} people in pages of 1,000, ldap3: {time.perf_counter() - started:.1f} s")
        connection.unbind()


def raw_base_search(directory: EmbeddedDirectory, guids: list[str]) -> Callable[[int], None]:
    """The same search without ldap3's own cost: the request's bytes out, the answer's bytes in."""
    client = socket.create_connection((directory.host, directory.port))
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    name, password = directory.bind_user.encode(), directory.bind_password.encode()
    bind = ber.integer(3) + ber.octets(name) + ber.tlv(0x80, password)
    client.sendall(ber.tlv(0x30, ber.integer(1) + ber.tlv(0x60, bind)))
    client.recv(4096)
    attributes = ber.tlv(0x30, b"".join(map(ber.octets, (b"mail", b"sn", b"tokenGroups"))))

    def search(number: int) -> None:
        base = ber.octets(f"<GUID={guids[number]}>".encode())
        content = base + ber.integer(0, 10) * 2 + ber.integer(0) * 2 + ber.boolean(False)
        content += ber.tlv(0x87, b"objectClass") + attributes
        client.sendall(ber.tlv(0x30, ber.integer(2) + ber.tlv(0x63, content)))
        assert len(client.recv(65536)) > 100

    return search


def measure(what: str, run: Callable[[int], None]) -> None:
    """Median and 99th percentile of one call."""
    times = []
    for number in range(ROUNDS):
        started = time.perf_counter()
        run(number)
        times.append(time.perf_counter() - started)
    times.sort()
    print(f"{what:45} median {statistics.median(times) * 1e6:7.0f} µs   99 % {times[int(ROUNDS * 0.99)] * 1e6:7.0f} µs")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
