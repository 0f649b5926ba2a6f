"""Keys that nobody typed: a paste into a terminal without bracketed paste, and pieces of split arrow keys.

In: keys with the moments they arrived. Out: whether to take a key now, to hold it until it is clear what it
belongs to, or to drop it. Pure but for what it remembers.

A paste: more than `BURST` keys within `WINDOW`. Its first keys cannot be told from typed ones, so keys that
could change something are held for `WINDOW` of silence before they are taken; others are taken at once.
A held-down key behind a slow link comes in bursts too: one harmless key again and again is no paste.
A split arrow key: a lone escape, then `[` or `O` and more up to a letter or `~`: dropped to its end.
"""

from __future__ import annotations

from collections import deque
from enum import Enum

WINDOW = 0.03
BURST = 8
SILENCE = 0.1
"""Seconds without a key after which a paste, or a split key, is over."""

_LONGEST = 16
"""Keys that a split escape sequence may have after its escape."""


class Take(Enum):
    """What becomes of a key."""

    NOW = "now"
    HOLD = "hold"
    DROP = "drop"
    PASTE = "paste"
    """Dropped, and the first that tells: what is held goes too, and the person is told."""


class Guard:
    """Judges keys one after the other. held: keys that wait, oldest first."""

    def __init__(self) -> None:
        self.held: list[str] = []
        self._recent: deque[tuple[float, str]] = deque()
        self._last = float("-inf")
        self._pasting = False
        self._escaped = 0

    def judge(self, key: str, at: float, risky: bool) -> Take:
        """at: seconds, monotonic, when the key arrived; risky: taking it could change something or opens an
        input."""
        silent, self._last = at - self._last, at
        self._recent.append((at, key))
        while at - self._recent[0][0] > WINDOW:
            self._recent.popleft()
        if self._pasting and silent < SILENCE:
            return Take.DROP
        self._pasting = False
        if self._is_piece(key):
            return Take.DROP
        if len(self._recent) > BURST and (risky or self.held or len({key for _, key in self._recent}) > 1):
            self._pasting = True
            self.held.clear()
            return Take.PASTE
        if risky or self.held:
            self.held.append(key)
            return Take.HOLD
        return Take.NOW

    def due(self, now: float) -> list[str]:
        """The keys held, once there was silence; they are held no longer."""
        if not self.held or now - self._last < WINDOW:
            return []
        keys, self.held = self.held, []
        return keys

    def _is_piece(self, key: str) -> bool:
        """Whether the key belongs to an escape sequence that came in pieces."""
        if key == "escape":
            self._escaped = 1
            return False
        if self._escaped == 1:
            self._escaped = 2 if key in ("[", "O") else 0
            return self._escaped == 2
        if self._escaped:
            ends = key == "~" or (len(key) == 1 and key.isalpha())
            self._escaped = 0 if ends or self._escaped > _LONGEST else self._escaped + 1
            return True
        return False
