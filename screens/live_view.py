"""What the live pane knows of one of its views, while it is shown and while the other one is."""

from __future__ import annotations

from dataclasses import dataclass, field

from screens.live_feed import Feed, Went
from screens.live_rows import LiveRows


@dataclass
class View:
    """One of the two: where its events come from, what is shown of them, and where one stands in it."""

    feed: Feed
    rows: LiveRows
    went: Went = field(default_factory=Went)
    after: int = 0
    frozen: bool = False
    fit_at_freeze: int = 0
    cursor: str = ""
    reading: bool = False

    @property
    def waiting(self) -> int:
        """What went by since it stands still; -1 where it does not."""
        return self.went.fit - self.fit_at_freeze if self.frozen else -1

    @property
    def dropped(self) -> int:
        """Events of the sample that can be had no more, before they were shown."""
        return max(0, self.went.first - 1 - self.after) if self.went.first else 0
