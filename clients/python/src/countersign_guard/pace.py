"""How soon to retry, and how to log failures."""

import logging
import random

from .transport import Refused

_log = logging.getLogger("countersign_guard")


class Pace:
    """Back-off with jitter: 0.2 seconds, doubled with each failure up to 5. Consecutive failures are logged once."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._idle = 0
        self._failing = False

    def succeeded(self) -> float:
        """The pause after a change: none."""
        if self._failing:
            _log.info("resumed fetching %s", self._what)
        self._idle, self._failing = 0, False
        return 0

    def idle(self) -> float:
        """The pause after an immediate response without changes."""
        self._idle = min(self._idle + 1, 6)
        return float(min(0.1 * 2**self._idle, 5)) * random.uniform(0.75, 1)  # noqa: S311 - spreads load, guards nothing

    def failed(self, reason: BaseException) -> float:
        """The pause after a failure."""
        if not self._failing:
            # A `Refused` is a sentence of its own; other exceptions may have no text at all.
            kind = "" if isinstance(reason, Refused) else f"{type(reason).__name__}: "
            _log.warning("failed to fetch %s, will retry: %s%s", self._what, kind, reason)
        self._failing = True
        return self.idle()
