"""Keys that nobody typed: a paste that the terminal did not mark, and pieces of split arrow keys.

In: keys with the moments they arrived. Out: whether to take a key now, to hold it until it is clear what it
belongs to, or to drop it; and, of keys that were held, whether to ask first. Pure but for what it remembers.

A paste that the terminal marks (bracketed paste) never comes here. Where it marks pastes, keys that come in
one run, each within `WINDOW` of the last, are typed ones that a slow link bunched. Where nobody knows
whether it does, a run may move about and end with one key that could change something: to close an alert
takes two. Longer ones are asked about before any such key is done; so are more than `TYPED` anywhere. What
nobody could have typed while a link stood still, more than `SURE`, is a paste and dropped. A harmless key
again and again counts once: it was held down.
A split arrow key: a lone escape, then `[` or `O` and more up to a letter or `~`: dropped to its end.
"""

from __future__ import annotations

from enum import Enum

WINDOW = 0.03
UNKNOWN = 3
"""Keys of a run that are taken unasked where the terminal might not mark pastes: `j k a` in one packet."""

TYPED = 24
"""The same where it does: two seconds of quick typing."""

SURE = 64
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
    """Judges keys one after the other. held: keys that wait, oldest first; marks: the terminal is known to
    mark pastes; doubtful: what is held could be a paste."""

    def __init__(self) -> None:
        self.held: list[str] = []
        self.marks = False
        self.doubtful = False
        self._run = 0
        self._trusted = self._risked = False
        self._before = ""
        self._last = float("-inf")
        self._pasting = False
        self._escaped = 0

    def note(self, key: str, at: float) -> None:
        """A key that an input took: it counts for those that come right behind it."""
        self._count(key, at, False)

    def judge(self, key: str, at: float, risky: bool) -> Take:
        """at: seconds, monotonic, when the key arrived; risky: taking it could change something or opens an
        input."""
        silent = at - self._last
        if self._pasting and silent < SILENCE:
            self._last = at
            return Take.DROP
        self._pasting = False
        if self._is_piece(key):
            self._last = at
            return Take.DROP
        risked = self._count(key, at, risky)
        if self._run > SURE:
            self._pasting = True
            self.held, self.doubtful = [], False
            return Take.PASTE
        if not risky and not self.held:
            return Take.NOW
        self.held.append(key)
        self.doubtful |= self._run > TYPED if self._trusted else self._run > UNKNOWN or risked
        return Take.HOLD

    def due(self, now: float) -> list[str]:
        """The keys held, once there was silence; they are held no longer."""
        if not self.held or now - self._last < WINDOW:
            return []
        keys, self.held, self.doubtful = self.held, [], False
        return keys

    def _count(self, key: str, at: float, risky: bool) -> bool:
        """Count the keys of the run; whether there was a risky one in it before."""
        if at - self._last >= WINDOW:
            self._run, self._before, self._risked = 0, "", False
            self._trusted = self.marks  # what the run itself says of the terminal does not count
        self._run += risky or key != self._before
        self._last, self._before = at, key
        risked, self._risked = self._risked, self._risked or risky
        return risked

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
