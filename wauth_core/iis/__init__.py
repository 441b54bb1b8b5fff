"""What Windows and IIS need: web.config files, scheduled tasks, sign-in tokens."""
