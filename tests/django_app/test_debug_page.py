"""Django's debug page, which shows the local variables of every frame."""

from __future__ import annotations

import pytest
from django.test import RequestFactory
from django.views.debug import ExceptionReporter

from wauth_core import ConfigurationError
from wauth_django.conf import get_wauth

CANARY = "canary-3f9c"
DOMAIN = {"SERVER": "dc1", "SEARCH_BASE": "DC=example", "PASSWORD": CANARY}
WRONG = {
    "option": {"WAUTH_DOMAINS": {"EXAMPLE": DOMAIN}, "WAUTH_RESYNC_DELTA": "soon"},
    "value": {"WAUTH_DOMAINS": {"EXAMPLE": {**DOMAIN, "POOL_SIZE": "many"}}},
    "server": {"WAUTH_DOMAINS": {"EXAMPLE": {**DOMAIN, "SERVER": f"ldap://u:{CANARY}@dc1"}}},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_wrong_settings_show_no_password(settings, wrong):
    """Neither among the variables nor in the texts. (Django hides PASSWORD, not SERVER, in its list of settings.)"""
    for name, value in wrong.items():
        setattr(settings, name, value)
    settings.DEBUG = True
    with pytest.raises(ConfigurationError) as caught:
        get_wauth().manager("EXAMPLE")
    error = caught.value
    assert error.__traceback__ is not None
    behind = error.__traceback__.tb_next  # without this test's own frame
    settings.WAUTH_DOMAINS = {}
    page = ExceptionReporter(RequestFactory().get("/"), type(error), error, behind).get_traceback_html()
    assert "wauth_core" in page
    assert CANARY not in page
