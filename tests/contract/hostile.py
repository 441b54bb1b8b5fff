"""What may come in as a name, at any front end: hostile rows last. One table for all of them."""

from __future__ import annotations

import pytest

ALICE = "EXAMPLE\\alice"

# id: what the proxy's header holds; who that is for a wrapper; who that is for an application with users of its own,
# where the example company's directory knows only some of them.
NAMES: dict[str, tuple[str | None, str | None, str | None]] = {
    "nobody": (None, None, None),
    "somebody": (ALICE, ALICE, ALICE),
    "other-case": ("example\\ALICE", ALICE, ALICE),
    "nested-letters": ("EXAMPLE\\zoë.ünal", "EXAMPLE\\zoë.ünal", "EXAMPLE\\zoë.ünal"),
    "parenthesis": ("EXAMPLE\\penny(f)", "EXAMPLE\\penny(f)", "EXAMPLE\\penny(f)"),
    "unknown-to-the-directory": ("EXAMPLE\\nobody", "EXAMPLE\\nobody", None),
    "disabled": ("EXAMPLE\\dan", "EXAMPLE\\dan", None),
    "expired": ("EXAMPLE\\eve", "EXAMPLE\\eve", None),
    "a-computer": ("EXAMPLE\\PC-0001$", "EXAMPLE\\pc-0001$", None),
    "accent-counts": ("EXAMPLE\\zoe.unal", "EXAMPLE\\zoe.unal", None),
    "unknown-domain": ("NOWHERE\\alice", "NOWHERE\\alice", None),
    "injection": ("EXAMPLE\\alice)(cn=x", None, None),
    "star": ("EXAMPLE\\*", None, None),
    "empty": ("", None, None),
    "blank": (" ", None, None),
    "no-domain": ("alice", None, None),
    "empty-domain": ("\\alice", None, None),
    "empty-name": ("EXAMPLE\\", None, None),
    "two-separators": ("EXAMPLE\\alice\\bob", None, None),
    "upn": ("alice@example.local", None, None),
    "both-schemes": ("EXAMPLE\\alice@example.local", None, None),
    "comma": ("EXAMPLE\\alice,EXAMPLE\\bob", None, None),
    "slash": ("EXAMPLE/alice", None, None),
    "nul": ("EXAMPLE\\alice\x00", None, None),
    "newline": ("EXAMPLE\\alice\nEXAMPLE\\bob", None, None),
    "tab": ("EXAMPLE\\al\tice", None, None),
    "trailing-blank": ("EXAMPLE\\alice ", None, None),
    "trailing-dot": ("EXAMPLE\\alice.", None, None),
    "zero-width": ("EXAMPLE\\al\u200bice", None, None),
    "right-to-left": ("EXAMPLE\\\u202eecila", None, None),
    "no-break-space": ("EXAMPLE\\al\xa0ice", None, None),
    "lost-letter": ("EXAMPLE\\zo\ufffd", None, None),
    "question-mark": ("EXAMPLE\\zo?", None, None),
    "dotted-capital-i": ("EXAMPLE\\AL\u0130CE", "EXAMPLE\\al\u0130ce", None),
    "kelvin-sign": ("EXAMPLE\\\u212aen", "EXAMPLE\\\u212aen", None),  # no K: letters apart in AD stay apart
    "full-width": ("EXAMPLE\\ａｌｉｃｅ", "EXAMPLE\\ａｌｉｃｅ", None),
    "cyrillic-a": ("EXAMPLE\\аlice", "EXAMPLE\\аlice", None),
    "ten-kilobytes": ("EXAMPLE\\" + "a" * 10_000, None, None),
    "format-string": ("EXAMPLE\\{0.__class__}%s%(x)s", "EXAMPLE\\{0.__class__}%s%(x)s", None),
    "markup": ("EXAMPLE\\<script>", None, None),
    "sql": ("EXAMPLE\\'; DROP TABLE users; --", None, None),
}

ROWS = [pytest.param(*row, id=name) for name, row in NAMES.items()]

# Headers with which a client tries to be somebody, beside or instead of the one that is believed.
FORGED = {
    "remote-user": {"Remote-User": ALICE},
    "remote_user": {"REMOTE_USER": ALICE},
    "underscored": {"Remote_User": ALICE, "X_Remote_User": ALICE},
    "hyphenated": {"X-Remote-User": ALICE},
    "signed-by-nobody": {"RemoteUser": f"1780000000 {'0' * 64} {ALICE}"},
    "probe": {"WauthProbe": "0123456789abcdef" * 2},
    "x-remote-users": {"X-Remote-Users": ALICE},
    "x-forwarded-user": {"X-Forwarded-User": ALICE},
    "auth-user": {"AUTH-USER": ALICE, "LOGON-USER": ALICE},
    "http-remote-user": {"HTTP-REMOTE-USER": ALICE},
    "iis-token": {"X-IIS-WindowsAuthToken": "2c0"},
    "wauth-identity": {"wauth.identity": ALICE, "wauth-outcome": ALICE},
    "basic": {"Authorization": "Basic RVhBTVBMRVxhbGljZTpQYXNzdzByZCF4"},
    "negotiate": {"Authorization": "Negotiate YWxpY2U="},
}

# Which of them are aimed at which source of `wauth_wsgi`. Simulate believes nothing of a request.
AIMED_AT = {
    "ServerIdentity": ("remote-user", "remote_user", "underscored", "http-remote-user", "auth-user"),
    "ProxyHeader": ("hyphenated", "underscored", "x-remote-users", "x-forwarded-user", "probe"),
    "SignedHeader": ("signed-by-nobody", "probe"),
    "IISToken": ("iis-token",),
    "Negotiate": ("basic", "negotiate"),
    "Simulate": (),
}
