"""``wauth migrate-settings``: read another package's settings, and print ours with a note for what has no equal."""
