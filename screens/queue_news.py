"""New lines of the queue: those that wait to be taken in, and those taken in that nobody has seen yet.

Taking in sorts again while the cursor stays on its alert, so that a graver one may come to stand above the
screen, where it would be missed: its place is kept until it has stood on the screen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from screens.paint import Line as Painted
from screens.times import number


class News:
    """waiting: numbers of lines that wait; since: when the first of them came, nanoseconds; unseen: those
    taken in that have not stood on the screen: places in the order, each with its line's number, from the
    top."""

    def __init__(self) -> None:
        self.waiting: set[int] = set()
        self.since = 0
        self.unseen: list[tuple[int, int]] = []

    def came(self, numbers: Collection[int], now: int) -> None:
        """Lines that wait from now on."""
        if numbers and not self.waiting:
            self.since = now
        self.waiting |= set(numbers)

    def sought(self) -> frozenset[int]:
        """The lines whose places in the next order should be found."""
        return frozenset(self.waiting) | {line for _, line in self.unseen}

    def taken(self, places: Iterable[tuple[int, int]]) -> None:
        """They were taken in: these are their places in the order."""
        self.waiting, self.since = set(), 0
        self.unseen = list(places)

    def forget(self) -> None:
        """Another list is shown."""
        self.taken(())

    def seen(self, numbers: Collection[int]) -> None:
        """These lines stand on the screen."""
        if self.unseen:
            self.unseen = [each for each in self.unseen if each[1] not in numbers]

    def next(self) -> int | None:
        """The place of the first that nobody has seen."""
        return self.unseen[0][0] if self.unseen else None

    def where(self, top: int) -> str:
        """ "2 new above, 1 below", "3 new below"; "" = all were seen. top: the first place on the screen."""
        above = sum(1 for place, _ in self.unseen if place < top)
        below = len(self.unseen) - above
        said = [f"{number(above)} new above"] if above else []
        if below:
            said.append(f"{number(below)} {'' if above else 'new '}below")
        return ", ".join(said)

    def in_words(self, clock: str, top: int) -> Painted:
        """What to tell below the list. clock: `since` as people read it."""
        if self.waiting:
            return _told(f"{number(len(self.waiting))} new since {clock}", "takes them in")
        where = self.where(top)
        return _told(where, "goes there") if where else []


def _told(news: str, what: str) -> Painted:
    return [(" · ", "dim"), (f" {news} ", "notice"), (" ", ""), (".", "key"), (f" {what}", "dim")]


def places_of(order: Sequence[int], sought: Collection[int]) -> list[tuple[int, int]]:
    """Where these lines stand in the order, from the top."""
    if not sought:
        return []
    return [(place, line) for place, line in enumerate(order) if line in sought]
