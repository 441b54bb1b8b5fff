"""Django, set up for the tests: imported first by whatever needs it, so that no other test needs Django at all."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.django_app.settings")

import django
from django.apps import apps

if not apps.ready:
    django.setup()
