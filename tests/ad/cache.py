"""Filled domains, kept between test runs: making one takes 17 s, copying one a fraction of a second."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

from tests.ad.people import Domain

FRESH_FOR = 7 * 24 * 3600
"""An older domain is made anew: the passwords in it age."""


def cache_folder() -> Path | None:
    """Where domains are kept; `WAUTH_TEST_AD_CACHE=off` turns it off, a path moves it."""
    chosen = os.environ.get("WAUTH_TEST_AD_CACHE", "")
    if chosen.lower() in ("off", "no", "0"):
        return None
    if chosen:
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "windowsauth-test-ad"


class Kept:
    """One domain's place in the cache. Other people, another recipe or another Samba are another place."""

    def __init__(self, cache: Path, domain: Domain, recipe: tuple[Path, ...]) -> None:
        digest = hashlib.sha256(json.dumps(domain.as_json(), sort_keys=True).encode())
        for file in recipe:
            digest.update(file.read_bytes())
        digest.update(subprocess.run(["samba", "--version"], capture_output=True, check=True).stdout)
        self._cache = cache
        self._name = domain.netbios.lower()
        self._folder = cache / f"{self._name}-{digest.hexdigest()[:16]}"

    def restore(self, folder: Path) -> bool:
        """Copy the domain to `folder`; False where there is none, or too old a one."""
        if not self._folder.is_dir() or time.time() - self._folder.stat().st_mtime > FRESH_FOR:
            return False
        try:
            shutil.copytree(self._folder, folder)
        except OSError:  # another run threw it away meanwhile
            shutil.rmtree(folder, ignore_errors=True)
            return False
        return True

    def keep(self, folder: Path) -> None:
        """Keep a copy of `folder`. It appears at once or not at all; older recipes go."""
        self._cache.mkdir(parents=True, exist_ok=True, mode=0o700)
        for old in self._cache.glob(f"{self._name}-*"):
            shutil.rmtree(old, ignore_errors=True)
        unfinished = self._cache / f".{self._name}.{os.getpid()}"
        shutil.copytree(folder, unfinished)
        os.utime(unfinished)
        try:
            unfinished.rename(self._folder)
        except OSError:  # another run was quicker
            shutil.rmtree(unfinished)
