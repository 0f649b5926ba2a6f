"""What the queue asks of the desk: functions that run in a reading thread.

In: the desk, a query and what the queue holds. Out: a `Reading`, plain data that the pane takes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from msgspec.structs import replace

from screens.queue_empty import Held
from screens.queue_news import places_of

if TYPE_CHECKING:
    from xdrtui.triage.desk import AlertQuery, Desk
    from xdrtui.triage.rows import Line

FIRST = 200
"""Lines read for the first look at a queue of any length."""


@dataclass(frozen=True)
class Reading:
    """What was read at once. order: None where it was not asked for; upto: the row number of the last alert
    that was looked at; newcomers: numbers of lines that have alerts, or woke from a snooze, since; at: the
    moment of the reading; wakes: when the next snooze ends, 0 = none; places: where the lines that were
    sought stand in the order; held: what the store holds, where no line is shown."""

    lines: Mapping[int, Line]
    upto: int
    order: list[int] | None = None
    newcomers: Sequence[int] = field(default_factory=list)
    at: int = 0
    wakes: int = 0
    places: Sequence[tuple[int, int]] = ()
    held: Held | None = None


def read_order(desk: Desk, query: AlertQuery, limit: int, top: int, sought: Collection[int] = ()) -> Reading:
    """The order of the first lines (limit -1: of all), and the lines about the place on the screen."""
    upto = desk.last_row()
    order = desk.line_numbers(query, limit)
    lines = desk.lines_at(order[max(0, top - FIRST) : top + FIRST])
    places, held = places_of(order, sought), None if order else _held(desk, query)
    wakes = desk.next_waking(query.now)
    return Reading(lines, upto, order, at=query.now, wakes=wakes, places=places, held=held)


def _held(desk: Desk, query: AlertQuery) -> Held:
    """What the store holds, whatever the filter."""
    total, awake, asleep = (
        desk.count(replace(query, text=text)) for text in ("", "state:open", "state:snoozed")
    )
    return Held(total, awake + asleep, asleep)


def read_states(
    desk: Desk, numbers: Sequence[int], query: AlertQuery | None, after: int, since: int
) -> Reading:
    """Lines as they are now; query: say also which lines have alerts that came after row `after`, or woke
    since that moment."""
    lines = desk.lines_at(numbers)
    if query is None:
        return Reading(lines, after, at=since)
    newcomers, upto = desk.newcomers(query, after, since)
    return Reading(lines, upto, None, newcomers, query.now, desk.next_waking(query.now))
