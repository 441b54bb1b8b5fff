"""The hostile table: what clients send to be taken for somebody. Nobody is signed in by any row of it, anywhere."""

from __future__ import annotations

import base64

EVIL = "EXAMPLE\\evil"
TOKENS = ("X-IIS-WindowsAuthToken", "MS-ASPNETCORE-WINAUTHTOKEN", "MS-PLATFORM-HANDLER-WINAUTHTOKEN")
GOOD = ("RemoteUser", "EXAMPLE\\alice")
HYPHENS = ("X-Remote-User", "EXAMPLE\\alice")
SECRET_TEXT = "known to the proxy"

# From any peer, for every source: nothing of this is anybody's word.
ANY_PEER = {
    "nothing": [],
    "remote_user": [("REMOTE_USER", EVIL)],
    "remote-user": [("Remote-User", EVIL)],
    "remote_user-small": [("remote_user", EVIL)],
    "http-remote-user": [("HTTP-REMOTE-USER", EVIL)],
    "auth-user": [("AUTH_USER", EVIL), ("Logon-User", EVIL), ("Auth-Type", "Negotiate")],
    "x-remote-users": [("X-Remote-Users", EVIL)],
    "underscored": [("X_Remote_User", EVIL)],
    "half-underscored": [("X-Remote_User", EVIL)],
    "forwarded": [("X-Forwarded-For", "127.0.0.1"), ("X-Forwarded-User", EVIL), ("Forwarded", "for=127.0.0.1")],
    "wauth-keys": [("wauth.identity", EVIL), ("Wauth-User", EVIL)],
    "bearer": [("Authorization", "Bearer evil")],
    "basic": [("Authorization", "Basic " + base64.b64encode(b"EXAMPLE\\evil:x").decode())],
    "negotiate-junk": [("Authorization", "Negotiate " + base64.b64encode(b"evil").decode())],
    "negotiate-empty": [("Authorization", "Negotiate")],
    "negotiate-not-base64": [("Authorization", b"Negotiate \xff\xfe")],
    "negotiate-big": [("Authorization", "Negotiate " + "YWxp" * 12_000)],
    "ntlm": [("Authorization", "NTLM TlRMTVNTUAABAAAA"), ("Authorization", "Negotiate TlRMTVNTUAABAAAA")],
    "cookie": [("Cookie", "__Host-wauth=evil.evil; wauth=evil.evil"), ("Cookie", "wauth=evil")],
    "cookie-bytes": [("Cookie", b"wauth=\xff\xfe; \x80")],
    "cookie-blank": [("Cookie", b"\xa0__Host-wauth=evil.evil"), ("Cookie", b"a=b;\x85wauth=evil.evil")],
    "pairing": [("MS-ASPNETCORE-TOKEN", "guess"), (TOKENS[0], "2c0")],
    **{f"token-{n}": [(name, "2c0")] for n, name in enumerate(TOKENS)},
    "tokens-all": [(name, "2c0") for name in TOKENS],
    "token-twice": [(TOKENS[0], "2c0"), (TOKENS[0], "2c4")],
    "token-pseudo-handle": [(TOKENS[0], "fffffffffffffffc")],
    "token-negative": [(TOKENS[0], "-4")],
    "token-underscored": [(TOKENS[0].replace("-", "_"), "2c0")],
    "token-two-thousand": [(TOKENS[0], ",".join(f"{n:x}" for n in range(4, 4004, 4)))],
    "token-long": [(TOKENS[0], "2" * 4000)],
}


def slipped_past(name):
    """From the very peer that ProxyHeader(name) believes: what a client can slip past a careless proxy."""
    good = (name, "EXAMPLE\\alice")
    return {
        "twice": [good, (name, EVIL)],
        "twice-other-case": [good, (name.lower(), EVIL)],
        "comma": [(name, f"EXAMPLE\\alice,{EVIL}")],
        "trailing-comma": [(name, "EXAMPLE\\alice,")],
        "empty": [(name, "")],
        "null": [(name, "(null)")],
        "no-domain": [(name, "evil")],
        "star": [(name, "EXAMPLE\\*")],
        "not-utf-8": [(name, b"EXAMPLE\\\xff")],
        "bidi": [(name, "EXAMPLE\\al\u202eice".encode())],
        "lost-letter": [(name, "EXAMPLE\\Zo?")],
        "long": [(name, "EXAMPLE\\" + "a" * 4000)],
        "probe": [good, ("WauthProbe", "EXAMPLE")],
    }


TRUSTED_PEER = slipped_past("RemoteUser")

# Beside what the proxy sets under a name with hyphens: a twin may make the header nobody's, never somebody else's.
TWINS = {
    "twin": [HYPHENS, ("X_Remote_User", EVIL)],
    "twin-first": [("X_Remote_User", EVIL), HYPHENS],
    "half-twin": [HYPHENS, ("X-Remote_User", EVIL)],
    "twin-dropped": [("Connection", "close, X-Remote-User"), ("X_Remote_User", EVIL)],
}

# A peer that ProxyHeader does not believe, with a header that would be right from the proxy.
STRANGER = {
    "right-header": [GOOD],
    "right-header-twice": [GOOD, GOOD],
    "with-forwarded": [GOOD, ("X-Forwarded-For", "192.0.2.1"), ("X-Real-IP", "192.0.2.1")],
}

# The proxy's secret is missing or wrong.
SECRET = {
    "missing": [GOOD],
    "wrong": [GOOD, ("WauthSecret", "guess")],
    "twice": [GOOD, ("WauthSecret", SECRET_TEXT), ("WauthSecret", SECRET_TEXT)],
    "underscored": [GOOD, ("Wauth_Secret", SECRET_TEXT)],
}

# No signature, or one that somebody made up.
UNSIGNED = {
    "plain": [GOOD],
    "made-up": [("RemoteUser", f"1780000000 {'0' * 64} {EVIL}")],
    "short": [("RemoteUser", f"1780000000 00 {EVIL}")],
}
