"""The embedded directory: an AD-shaped LDAP server in pure Python, for development, tests and the demo.

**Its base.** The wire format is a small BER codec of its own (`ber`, `messages`). What else could have been:

- ldap3's ASN.1 definitions on pyasn1: 0.23 ms to decode one search request and 0.36 ms to encode one answer of
  seventeen values, measured beside 0.013 ms each here; a page of a thousand people would take a third of a second;
- ldaptor: complete, but built on Twisted, whose reactor cannot be started again in one test process; anyldap, the same
  on AnyIO, had its first releases in 2026;
- ldapserver (2022) and sansldap (2023): no release since;
- ldap3's mock strategies: no socket, no tokenGroups, no rules, no controls.

RFC 4511 needs a dozen shapes, two hundred lines; in return a BASE search is answered in a tenth of a millisecond, and
nothing but `cryptography` (for the throw-away certificates) and PyYAML is needed.

**Rooms.** `ber`, `filters`, `messages`: the wire. `names`, `values`, `schema`: what AD's values mean. `entry`,
`store`: entries, indexes, links. `domain`, `fresh`, `changing`, `people`: who is in it. `matching`, `constructed`,
`reading`, `rendering`, `dirsync`, `writing`, `checks`, `passwords`, `binding`, `controls`, `rootdse`, `refusals`: the
operations. `session`, `server`, `tls`, `faults`, `log`: one conversation, many of them, and what can go wrong.
`embedded`: all of it as one object.
"""

from __future__ import annotations

from .embedded import EmbeddedDirectory
from .faults import Fault, Faults
from .log import Operation
from .people import generate

__all__ = ["EmbeddedDirectory", "Fault", "Faults", "Operation", "generate"]
