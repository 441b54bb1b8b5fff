"""Sources for tests: what they answer is what the test says."""

from __future__ import annotations

from wauth_core.outcomes import Challenge


class Answers:
    """Gives one outcome, whoever asks."""

    def __init__(self, outcome, challenge=None):
        self.outcome, self.asked = outcome, 0
        self.challenge = challenge or Challenge()

    def identify(self, request, rules):
        """The outcome."""
        self.asked += 1
        return self.outcome
