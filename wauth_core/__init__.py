"""Windows identities and Active Directory for Python, with no web framework.

Words used throughout: an *identity* is who the front end says is signed in; a *directory user* or *directory
group* is what Active Directory holds; a *user* is the application's own record; a *manager* is one domain's
door to the directory; a *repository* is the application's door to its own users; a *plan* compares, *apply*
writes, *sync* does both. Names ending in ``_dn`` are strings, ``_sid`` strings ``S-1-…``, ``_guid`` are
`uuid.UUID`, ``_attrs`` dicts of decoded values.
"""

from __future__ import annotations

from wauth_core.exceptions import (
    ConfigurationError as ConfigurationError,
)
from wauth_core.exceptions import (
    InvalidIdentity as InvalidIdentity,
)
from wauth_core.exceptions import (
    WauthError as WauthError,
)
from wauth_core.identity import Identity as Identity
from wauth_core.identity import Principal as Principal
from wauth_core.settings import LDAPSettings as LDAPSettings
