"""The page that asks for a user name and a password, in the first of the browser's languages that we have."""

from __future__ import annotations

import json
from functools import cache

from wauth_core.directory.authenticate import MESSAGES, AuthReason
from wauth_core.web import languages

FORM_HEADER = "X-Wauth-Form"

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 15vh auto; max-width: 20rem; padding: 0 1rem; }
label, input, button { display: block; width: 100%; box-sizing: border-box; font: inherit; }
input, button { margin: 0 0 1rem; padding: .4rem; }
[role=alert] { color: #a00; min-height: 1.5em; }
"""

_ANSWERS = {401: AuthReason.BAD_PASSWORD, 429: AuthReason.THROTTLED, 503: AuthReason.UNAVAILABLE}

_SCRIPT = """
const texts = %s;
const tag = navigator.languages.map(each => each.slice(0, 2).toLowerCase()).find(each => each in texts) ?? "en";
const said = texts[tag];
document.documentElement.lang = tag;
document.title = said.sign_in;
for (const each of document.querySelectorAll("[data-text]")) each.textContent = said[each.dataset.text];
const form = document.querySelector("form"), message = document.querySelector("[role=alert]");
form.addEventListener("submit", async event => {
  event.preventDefault();
  const typed = new TextEncoder().encode(form.username.value + ":" + form.password.value);
  const headers = {"Authorization": "Basic " + btoa(String.fromCharCode(...typed)), "X-Wauth-Form": "1"};
  const options = {headers, cache: "no-store", credentials: "same-origin", redirect: "manual"};
  const answer = await fetch(location.href, options);
  if (answer.status in said) message.textContent = said[answer.status];
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
<h1 data-text="sign_in">Sign in</h1>
<p data-text="sign_in_how">Use the name and password of your Windows account.</p>
<p role="alert"></p>
<label for="username" data-text="user_name">User name</label>
<input id="username" name="username" autocomplete="username" placeholder="DOMAIN\\name" required autofocus>
<label for="password" data-text="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button data-text="sign_in">Sign in</button>
<noscript>This page needs JavaScript to sign you in.</noscript>
</form>
<script>{script}</script>
</body>
</html>
"""


@cache
def page() -> bytes:
    """The page. Its policy (`wauth_core.web.pages.policy`) allows its own style and script, and nothing else."""
    tags = ["en", *sorted(path.name for path in languages.LOCALE.iterdir() if path.is_dir())]
    texts = json.dumps({tag: _texts(tag) for tag in tags}).replace("<", "\\u003c")
    return _PAGE.format(style=_STYLE, script=_SCRIPT % texts).encode()


def _texts(language: str) -> dict[str, str]:
    answers = {str(status): languages.say(MESSAGES[reason], language) for status, reason in _ANSWERS.items()}
    return {name: languages.say(text, language) for name, text in languages.FORM.items()} | answers
