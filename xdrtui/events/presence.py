"""How often each needed field is present, by event type and host: what tells that a rule has gone blind.

In: the columns of a frame and its hosts. Out: counts, added to the batch's. A column that is full or empty
costs nothing; only a partly filled one is walked. Hosts beyond a cap are counted under "" alone, since their
names come from the data.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import compress

from detectors.contract import Text

MOST_HOSTS = 5_000

ALL = ""
"""The host under which all hosts are counted together."""

EVENTS = ""
"""The field under which the events themselves are counted."""


def count_presence(
    presence: dict[tuple[str, str], Counter[str]],
    event_type: str,
    columns: Mapping[str, Sequence[Text]],
    hosts: Sequence[Text],
    absent: Sequence[Text],
) -> None:
    """Add a frame's rows to `presence`."""
    rows = len(hosts)
    by_host = _hosts(hosts)
    total = presence.setdefault((event_type, ALL), Counter())
    total[EVENTS] += rows
    for host, count in by_host.items():
        _of(presence, event_type, host)[EVENTS] += count
    for field, column in columns.items():
        if column is absent:
            total[field] += 0  # asked for, never there: not the same as never asked for
            continue
        if type(column) is not tuple and None in column:  # a tuple is full: see structs.as_cells
            there = [cell is not None for cell in column]
            counted = _hosts(list(compress(hosts, there)))
            total[field] += sum(there)
        else:
            counted = by_host
            total[field] += rows
        for host, count in counted.items():
            _of(presence, event_type, host)[field] += count


def _of(presence: dict[tuple[str, str], Counter[str]], event_type: str, host: str) -> Counter[str]:
    found = presence.get((event_type, host))
    if found is None:
        if len(presence) >= MOST_HOSTS:
            return Counter()
        found = presence[event_type, host] = Counter()
    return found


def _hosts(hosts: Sequence[Text]) -> dict[str, int]:
    """Events by host; a row without one host counts under none but ALL."""
    return {host: count for host, count in Counter(hosts).items() if isinstance(host, str) and host}
