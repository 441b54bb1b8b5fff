"""The tests' own Django application."""

from __future__ import annotations
