"""What a detector is: frames in, findings out.

An `EventFrame` holds the events of one type that one batch brought, as columns that bear the rules' field
names. A detector first says what it needs of a type (`Needs`), so that nothing else is decoded, and is then
given frames. It keeps no clock, reads no file and knows neither where events come from nor where findings go.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias

import msgspec

if TYPE_CHECKING:
    import polars as pl


class Null(enum.Enum):
    """The value of a field that is present and says null, as against `None`: not present at all."""

    NULL = "null"


NULL = Null.NULL

Text: TypeAlias = "str | tuple[str, ...] | Null | None"
"""One cell: its text; a tuple where several values occur; NULL; None where the event lacks the field."""


class LogSource(msgspec.Struct, frozen=True, order=True):
    """Sigma's log source. Empty text stands for 'not said'."""

    product: str = ""
    category: str = ""
    service: str = ""

    def __str__(self) -> str:
        return "/".join((self.product or "*", self.category or "*", self.service or "*"))


class EventType(msgspec.Struct, frozen=True):
    """One layout's kind of event, e.g. `windows.sysmon.1`, with every Sigma log source it belongs to.

    name: unique and stable; layout: name of the layout file that recognised it. constants: (field, text)
    pairs that told the type, e.g. EventID: its events have these values, so a detector may plan for them;
    but it must look at the column, since an event may be made to say several.
    """

    name: str
    layout: str
    log_sources: frozenset[LogSource]
    constants: tuple[tuple[str, str], ...] = ()

    def serves(self, wanted: LogSource) -> bool:
        """True if a rule with this log source looks at events of this type.

        Each part that the rule names must be among the parts of the type's log sources: a Sysmon event 1
        serves windows/process_creation, windows//sysmon, windows and */process_creation.
        """
        return all(
            not part or any(getattr(source, name) == part for source in self.log_sources)
            for name, part in (
                ("product", wanted.product),
                ("category", wanted.category),
                ("service", wanted.service),
            )
        )


class Needs(msgspec.Struct, frozen=True):
    """What a detector wants decoded of one event type. Nothing at all: events of the type are not decoded.

    fields: names as rules write them; whole_event: `EventFrame.raws` and `EventFrame.event` will be used for
    many rows (keyword rules), so the decoder should keep them cheap. pieces: expressions (Hyperscan's, of
    bytes) that the detector looks for in each raw event: a decoder that goes over the bytes anyway may do
    that for it (`EventFrame.suspects`).
    """

    fields: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    observables: frozenset[str] = frozenset()
    whole_event: bool = False
    pieces: frozenset[bytes] = frozenset()

    def __or__(self, other: Needs) -> Needs:
        return Needs(
            self.fields | other.fields,
            self.numbers | other.numbers,
            self.observables | other.observables,
            self.whole_event or other.whole_event,
            self.pieces | other.pieces,
        )

    def __bool__(self) -> bool:
        return bool(self.fields or self.numbers or self.observables or self.whole_event)


class EventFrame:
    """Events of one type, one row an event, columns named as rules name fields.

    columns: field -> one cell a row (see `Text`); every field that some detector needs is there, all None
    where no event has it. raws: the bytes of each event (JSON text, or the line of a text log). event(row):
    all fields of that event by the rules' names, dotted where nested; slow, for the few rows that matter.
    suspects: the rows in whose raw bytes one of the expressions `sought` occurs; sought: which those are.

    The Polars frame is made from the columns when first asked for: matching by distinct value works on the
    cells themselves, and a column nobody asks of Polars is not copied into it.
    """

    __slots__ = ("_data", "columns", "event", "event_type", "raws", "rows", "sought", "suspects")

    def __init__(
        self,
        event_type: EventType,
        columns: Mapping[str, Sequence[Text]],
        raws: Sequence[bytes],
        event: Callable[[int], Mapping[str, Text]],
        suspects: Collection[int] = (),
        sought: frozenset[bytes] = frozenset(),
    ) -> None:
        self.event_type = event_type
        self.columns = columns
        self.raws = raws
        self.event = event
        self.rows = len(raws)
        self.suspects = suspects
        self.sought = sought
        self._data: pl.DataFrame | None = None

    @property
    def data(self) -> pl.DataFrame:
        """The columns as Polars: String, or List[String] where some row holds several values; absent = null.

        Where a field says null in some row, a Boolean column `<field>?` tells present (true) from absent.
        """
        if self._data is None:
            import polars as pl  # a tenth of a second, and a scan never asks for it

            series = [one for name, cells in self.columns.items() for one in series_of(name, cells)]
            self._data = pl.DataFrame(series) if series else pl.DataFrame(height=self.rows)
        return self._data


def series_of(name: str, cells: Sequence[Text]) -> list[pl.Series]:
    """A column of cells as Polars: String, or List[String] where some row holds several values. Where some
    row says null, a Boolean column `name?` that tells present (true) from absent stands before it."""
    import polars as pl

    made: list[pl.Series] = []
    kinds = set(map(type, cells))
    if Null in kinds:
        made.append(pl.Series(f"{name}?", [cell is not None for cell in cells], pl.Boolean))
        cells = [None if cell is NULL else cell for cell in cells]
    if tuple in kinds:
        lists = [None if c is None else list(c) if isinstance(c, tuple) else [c] for c in cells]
        made.append(pl.Series(name, lists, pl.List(pl.String)))
    else:
        made.append(pl.Series(name, cells, pl.String))
    return made


class Findings(msgspec.Struct, frozen=True):
    """What a detector found in one frame, as columns of equal length.

    rules: rule id; rows: row of the frame; captures: values that matter beyond the match itself (group-by
    values of correlations that use the rule), by field name.
    """

    detector: str
    rules: list[str] = []
    rows: list[int] = []
    scores: list[float] = []
    captures: list[Mapping[str, Text]] = []

    def __len__(self) -> int:
        return len(self.rules)


class Detector(Protocol):
    """A row detector: its answer for a row depends on that row alone."""

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str:
        """A hash of all that decides its findings (rules, mappings, version)."""

    def needs(self, event_type: EventType) -> Needs: ...

    def detect(self, frame: EventFrame) -> Findings: ...
