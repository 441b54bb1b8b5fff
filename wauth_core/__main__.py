"""``python -m wauth_core`` is the ``wauth`` command."""

from __future__ import annotations

from wauth_core.cli import main

if __name__ == "__main__":
    main()
