"""Texts from the directory in columns that are shorter than AD's."""

from __future__ import annotations

import logging
from typing import Any

from wauth_core.exceptions import SyncError

logger = logging.getLogger("wauth.sync")


def fitted(value: Any, limit: int | None, what: str, *, whole: bool = False) -> Any:
    """*value*, and where it is a text of more than *limit* letters, its beginning, with a word in the log.

    *what* names the column. A name that tells people apart is taken *whole*, or refused: raises `SyncError`.
    """
    if limit is None or not isinstance(value, str) or len(value) <= limit:
        return value
    if whole:
        raise SyncError(f"{what}: {value[:40]!r}… is longer than the column allows ({limit}).")
    logger.warning("%s: %r… is cut to %d letters.", what, value[:40], limit)
    return value[:limit]
