"""The embedded directory: an AD-shaped LDAP server in pure Python, for development, tests and the demo.

**Its base.** The wire format is our own small BER codec (`ber`, `messages`). The alternatives were:

- ldap3's ASN.1 definitions on pyasn1: 0.23 ms to decode one search request and 0.36 ms to encode one answer of
  seventeen values, measured beside 0.013 ms each here; a page of a thousand people would take a third of a second;
- ldaptor: complete, but built on Twisted, whose reactor cannot be started again in one test process; anyldap, the same
  on AnyIO, had its first releases in 2026;
- ldapserver (2022) and sansldap (2023): no release since;
- ldap3's mock strategies: no socket, no tokenGroups, no rules, no controls.

RFC 4511 needs a dozen shapes, in two hundred lines. In return the answer to a BASE search takes a tenth of a
millisecond, and only `cryptography` (for the throw-away certificates) and PyYAML are needed.

**Rooms.** `ber`, `filter_syntax`, `messages`: the wire. `distinguished_names`, `values`, `schema`: what AD's values
mean. `entry`, `tree`, `linked_values`: entries, indexes, links. `hosted_domain`, `fresh`, `administrator`,
`people_file`, `domain_policy`, `configuration_partition`, `forest`: who and what is in it. `matching`, `constructed`,
`reading`, `rendering`, `dirsync`, `writing`, `validation`, `unicode_pwd`, `binding`, `controls`, `rootdse`,
`result_codes`: the operations. `conversation`, `listener`, `tls`, `faults`, `log`: one client, many of them, and what
can go wrong. `facade`: all of it as one object.
"""

from __future__ import annotations

from .facade import EmbeddedDirectory as EmbeddedDirectory
from .faults import Fault as Fault
from .faults import Faults as Faults
from .log import LoggedOperation as LoggedOperation
from .people_file import generate as generate
