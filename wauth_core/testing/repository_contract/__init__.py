"""What every `wauth_core.sync.UserRepository` must do, as tests for pytest: for stores of your own.

Subclass `RepositoryContract`, and give it a fixture ``repository`` that returns an empty repository whose users have
the fields ``username``, ``first_name`` and ``email`` and the flags ``is_active``, ``is_staff`` and ``is_superuser``::

    class TestMyRepository(RepositoryContract):
        @pytest.fixture
        def repository(self, tmp_path):
            return MyRepository(tmp_path / "users")

`apply` and `lock` are called from threads too. A claim must last `wauth_core.sync.store.lease()` seconds, asked when it
is made: one test shortens them. `wauth_core.sync.store.claiming` does the rest of `lock`.
"""

from __future__ import annotations

from wauth_core.testing.repository_contract.claims import Claims
from wauth_core.testing.repository_contract.names import Names
from wauth_core.testing.repository_contract.records import Records
from wauth_core.testing.repository_contract.writes import Writes

__all__ = ["RepositoryContract"]


class RepositoryContract(Records, Names, Writes, Claims):
    """All rows of the contract."""
