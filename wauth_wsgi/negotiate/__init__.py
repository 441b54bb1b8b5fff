"""Kerberos inside the process: tickets, a cookie so that a handshake is not repeated, and a password form."""

from __future__ import annotations

from wauth_wsgi.negotiate.source import Negotiate as Negotiate
