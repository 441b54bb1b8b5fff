"""Signing in to a real controller as whoever the process is, by SSPI, as far as Wine's goes.

Wine's SSPI takes the ticket of the system below. Not seen by it: channel bindings, the account of an application pool.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.ad.samba import DomainController
from tests.windows.wine import Finished, WindowsPython, in_windows

pytestmark = pytest.mark.wine

ASK = """
import json, os
from tests.windows.inside import wine_sspi
from wauth_core import Wauth, WauthError
from wauth_core.directory.decode import sid

wine_sspi.fill_in()
with Wauth({"EXAMPLE": json.loads(os.environ["DOMAIN"])}) as wauth:
    manager = wauth.manager("EXAMPLE")
    try:
        assert manager.connection.search("", "(objectClass=*)", "BASE", attributes=["tokenGroups"])
        own = sid(manager.connection.entries[0]["tokenGroups"].raw_values[0])  # of whoever is signed in
        print([manager.user(name).username for name in ("alice", own)])
    except WauthError as error:
        print(type(error).__name__, error)
"""


def ask(windows: WindowsPython, samba: DomainController, environment: dict[str, str], **settings: Any) -> Finished:
    """Look alice up from Windows, with *environment*'s ticket."""
    domain = samba.settings(**{"AUTHENTICATION": "KERBEROS", "USERNAME": "", "PASSWORD": "", **settings})
    domain["CA_FILE"] = in_windows(Path(samba.ca_file))
    return windows.run("-c", ASK, environment={**environment, "DOMAIN": json.dumps(domain), "PYTHONUTF8": "1"})


def test_the_account_of_the_process(windows: WindowsPython, samba: DomainController) -> None:
    """Without USERNAME and PASSWORD the process reads the directory over verified LDAPS, as its own account."""
    finished = ask(windows, samba, samba.kinit("svc_web"))
    assert finished.output.strip() == "['alice', 'svc_web']", finished.output


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        pytest.param({}, "BindError No Kerberos ticket", id="nobody"),
        pytest.param({"USERNAME": "EXAMPLE\\svc_web"}, "ConfigurationError On Windows", id="a name"),
    ],
)
def test_what_cannot_sign_in(
    windows: WindowsPython, samba: DomainController, settings: dict[str, Any], says: str
) -> None:
    """An account without tickets, and settings that mean nothing on Windows: said, with what to look at."""
    nobody = {"KRB5_CONFIG": samba.krb5_conf, "KRB5CCNAME": f"FILE:{samba.folder}/no-ticket"}
    finished = ask(windows, samba, nobody, **settings)
    assert finished.output.strip().startswith(says), finished.output
