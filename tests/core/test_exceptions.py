"""The error tree."""

from __future__ import annotations

import inspect

from wauth_core import exceptions


def test_every_error_has_the_one_root():
    """Whoever catches WauthError catches everything of ours."""
    classes = [c for _, c in inspect.getmembers(exceptions, inspect.isclass) if c.__module__ == exceptions.__name__]
    assert len(classes) > 10
    assert [c for c in classes if not issubclass(c, exceptions.WauthError)] == []


def test_an_untrusted_value_is_shown_quoted_and_short():
    """Ten kilobytes with a newline in them make one short line."""
    error = exceptions.InvalidIdentity("a\n" * 5000, "too long")
    assert "\n" not in str(error)
    assert len(str(error)) < 150
