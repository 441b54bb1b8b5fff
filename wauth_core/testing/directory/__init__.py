"""The embedded directory: an AD-shaped LDAP server in pure Python, for development, tests and the demo.

**Its base.** The wire format is a small BER codec of its own (`ber`, `messages`). What else could have been:

- ldap3's ASN.1 definitions on pyasn1: one search request costs 2 to 4 ms to decode and encode, more than the whole
  answer may take here, and its client-side tag objects are not meant for reading requests;
- ldaptor: complete, but built on Twisted, whose reactor cannot be stopped and started again in one test process;
- ldapserver (2022) and sansldap (2023): one release each, quiet since, and neither knows anything of AD;
- ldap3's mock strategies: no socket, no tokenGroups, no rules, no controls.

RFC 4511 needs a dozen shapes, two hundred lines; in return a BASE search is answered in a fraction of a
millisecond, and nothing but `cryptography` (for the throw-away certificates) and PyYAML is needed.

**Rooms.** `ber`, `filters`, `messages`: the wire. `names`, `values`, `schema`: what AD's values mean. `store`:
entries, indexes, links. `domain`, `people`: who is in it. `matching`, `constructed`, `reading`, `writing`,
`passwords`, `binding`, `controls`, `rootdse`, `refusals`: the operations. `session`, `server`, `tls`, `faults`,
`log`: one conversation, many of them, and what can go wrong. `embedded`: all of it as one object.
"""

from __future__ import annotations

from .embedded import EmbeddedDirectory
from .faults import Fault, Faults
from .log import Operation
from .people import generate

__all__ = ["EmbeddedDirectory", "Fault", "Faults", "Operation", "generate"]
