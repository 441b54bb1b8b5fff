"""What every `UserRepository` must do, over each of ours; the rows are `wauth_core.testing.repository_contract`."""

from __future__ import annotations

from wauth_core.testing.repository_contract import RepositoryContract


class TestRepositories(RepositoryContract):
    """The fixture ``repository`` is in conftest.py: each store in turn."""
