"""`WindowsAuthenticationForm`: a login form that tells people what AD said, as far as they may know it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm
from django.utils.translation import get_language

from wauth_core.web.languages import say
from wauth_django.current_visit import visit_of

__all__ = ["WindowsAdminAuthenticationForm", "WindowsAuthenticationForm"]


class _TellingMixin:
    request: Any

    def get_invalid_login_error(self) -> forms.ValidationError:
        """The safe message of `LDAPBackend`, else Django's own."""
        message = visit_of(self.request).message
        if message:
            return forms.ValidationError(say(message, get_language()), code="invalid_login")
        error: forms.ValidationError = super().get_invalid_login_error()  # type: ignore[misc]
        return error


class WindowsAuthenticationForm(_TellingMixin, AuthenticationForm):
    """For ``LoginView.as_view(authentication_form=WindowsAuthenticationForm)``."""


class WindowsAdminAuthenticationForm(_TellingMixin, AdminAuthenticationForm):
    """For ``admin.site.login_form``."""
