"""Where a table's rows come from: windows of rows, never all of them.

`RowSource` is what `FrameTable` asks while it paints, so it answers from memory, at once. `ListSource` keeps
rows in a list; `FrameSource` reads a window of a Polars frame (Polars itself is not imported here).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

from screens.paint import Line

if TYPE_CHECKING:
    import polars as pl


class Row(NamedTuple):
    """key: what the row stands for (an alert's id); cells: column name -> text or styled line; about: what it
    was drawn from, so that a command can act on just what was painted."""

    key: str
    cells: dict[str, str | Line]
    style: str = ""
    about: object = None


class RowSource(Protocol):
    def __len__(self) -> int: ...

    def window(self, start: int, stop: int) -> Sequence[Row]:
        """Rows start to stop (exclusive), within 0 and len."""

    def index(self, key: str, near: int) -> int | None:
        """Where the row with this key stands now; near: where it was last."""


class ListSource:
    """Rows in a list."""

    def __init__(self, rows: Sequence[Row] = ()) -> None:
        self.rows = list(rows)
        self._places: dict[str, int] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def window(self, start: int, stop: int) -> Sequence[Row]:
        return self.rows[start:stop]

    def index(self, key: str, near: int) -> int | None:
        if 0 <= near < len(self.rows) and self.rows[near].key == key:
            return near
        if self._places is None:
            self._places = {row.key: place for place, row in enumerate(self.rows)}
        return self._places.get(key)


class FrameSource:
    """A Polars frame, one row of it a row. key: the column whose values name rows, or "" for row numbers."""

    def __init__(self, frame: pl.DataFrame, key: str = "") -> None:
        self.frame = frame
        self._key = key

    def __len__(self) -> int:
        return self.frame.height

    def window(self, start: int, stop: int) -> Sequence[Row]:
        names = self.frame.columns
        rows: list[Row] = []
        for place, values in enumerate(self.frame.slice(start, stop - start).iter_rows(), start):
            cells: dict[str, str | Line] = {
                name: "-" if value is None else str(value) for name, value in zip(names, values, strict=True)
            }
            rows.append(Row(str(cells[self._key]) if self._key else str(place), cells))
        return rows

    def index(self, key: str, near: int) -> int | None:
        if not self._key:
            place = int(key) if key.isdigit() else -1
            return place if 0 <= place < len(self) else None
        if 0 <= near < len(self) and str(self.frame[self._key][near]) == key:
            return near
        return self.frame[self._key].cast(str).index_of(key)
