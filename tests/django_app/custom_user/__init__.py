"""A project with the custom user model of the manual's section 1.6."""

from __future__ import annotations
