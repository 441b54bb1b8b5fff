"""Django finds the management commands in here."""
