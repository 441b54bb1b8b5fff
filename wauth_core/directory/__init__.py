"""Talking to Active Directory: connections, look-ups, membership."""
