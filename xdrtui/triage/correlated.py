"""What a correlation that fired makes of an alert. Pure.

In: the alert as `detectors.correlate` says it stands now, and the findings that counted. Out: the alert as
the queue shows it, under the same kind of id as any other.
"""

from __future__ import annotations

from collections.abc import Sequence

from detectors.contract import NULL, Text
from detectors.correlate.model import Fired, Match
from xdrtui.store.alerts import Folded
from xdrtui.store.findings import Stored, as_json
from xdrtui.store.identity import alert_id
from xdrtui.triage.grouping import absorb

UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
SECOND = 1_000_000_000


def match_of(row: Stored) -> Match:
    """A stored finding as correlations take it."""
    values: dict[str, Text] = {}
    for field, value in row.captured().items():
        values[field] = tuple(value) if isinstance(value, list) else NULL if value is None else value
    position = (row.source, row.partition, row.offset, row.idx)
    return Match(row.rule, row.window_time, position, values, str(row.seq))


def id_of(fired: Fired) -> str:
    """The id of the alert: of the correlation, its group key and its window, as for any alert."""
    return alert_id(fired.correlation, fired.id[1], fired.bucket * fired.timespan)


def folded_of(fired: Fired, rows: Sequence[Stored]) -> Folded:
    """The alert that these findings (at least one) made. Its first finding says host and user."""
    first = min(rows, key=lambda row: row.key)
    alert = Folded(
        id=id_of(fired),
        rule=fired.correlation,
        rule_hash="",
        kind="correlation",
        group=as_json([(key.field, key.spelling) for key in fired.group]),
        window_start=fired.bucket * fired.timespan,
        window=fired.timespan,
        level=fired.level,
        host=first.host,
        user=first.user,
        summary="",
        count=0,
        duplicates=0,
        first_seen=fired.began,
        last_seen=fired.last,
        head=first.key,
        head_seq=first.seq,
        entities={},
    )
    absorb(alert, rows, len(rows) - len({(row.rule, row.event_hash) for row in rows}))
    alert.count = max(fired.count, len(rows))
    alert.first_seen, alert.last_seen = fired.began, max(fired.last, fired.time)
    alert.summary = sentence(fired, alert.count, first.summary)
    return alert


def sentence(fired: Fired, count: int, first: str) -> str:
    """One plain sentence for the queue. count: events, those of counted alerts included."""
    about = ", ".join(key.spelling for key in fired.group if key.spelling)
    events = f"{count} event{'s' * (count != 1)} within {span(fired.timespan)}"
    return f"{events}{f' of {about}' if about else ''}; the first: {first}"


def span(nanoseconds: int) -> str:
    """A timespan in the largest unit that gives a whole number."""
    seconds = nanoseconds // SECOND
    return next(
        (f"{seconds // size} {unit}" for unit, size in UNITS if seconds % size == 0 and seconds), "0 s"
    )
