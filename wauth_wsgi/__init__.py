"""Wrap any WSGI or ASGI application and know which Windows user is there."""
