"""The page that asks for a user name and a password."""

from __future__ import annotations

FORM_HEADER = "X-Wauth-Form"

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 15vh auto; max-width: 20rem; padding: 0 1rem; }
label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit; }
input, button { margin: 0 0 1rem; padding: .4rem; }
[role=alert] { color: #a00; min-height: 1.5em; }
"""

_SCRIPT = """
const form = document.querySelector("form"), message = document.querySelector("[role=alert]");
form.addEventListener("submit", async event => {
  event.preventDefault();
  const typed = new TextEncoder().encode(form.username.value + ":" + form.password.value);
  const headers = {"Authorization": "Basic " + btoa(String.fromCharCode(...typed)), "X-Wauth-Form": "1"};
  const options = {headers, cache: "no-store", credentials: "same-origin", redirect: "manual"};
  const answer = await fetch(location.href, options);
  if (answer.status === 401) message.textContent = "That user name and password do not fit together.";
  else if (answer.status === 429) message.textContent = "Too many attempts. Please wait a few minutes.";
  else if (answer.status === 503) message.textContent = "The directory does not answer. Please try again in a minute.";
  else location.reload();
});
"""

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Sign in</title>
<style>{style}</style>
</head>
<body>
<form>
<h1>Sign in</h1>
<p role="alert"></p>
<label for="username">User name</label>
<input id="username" name="username" autocomplete="username" placeholder="DOMAIN\\name" required autofocus>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Sign in</button>
<noscript>This page needs JavaScript to sign you in.</noscript>
</form>
<script>{script}</script>
</body>
</html>
"""


def page() -> bytes:
    """The page. Its policy (`wauth_core.web.pages.policy`) allows its own style and script, and nothing else."""
    return _PAGE.format(style=_STYLE, script=_SCRIPT).encode()
