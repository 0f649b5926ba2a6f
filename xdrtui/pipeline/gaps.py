"""Messages that Kafka deleted before they were read, as an alert of its own: somebody may have hidden there.

In: a fetch that moves a stored position over messages without bringing them. Out: one finding, whose alert's
group is the range itself, so that each gap is one alert whoever finds it. It is stored in the transaction
that moves the position.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from xdrtui.events.message import Position
from xdrtui.sources.partitions import Fetched
from xdrtui.store.batch import Found, RuleRow

RULE = "0f3f6d5e-3a55-4a0c-9a53-7d1a2f5c0001"
WINDOW = 2**62
"""One window for all times: when a gap is noticed must not make a second alert of it."""

TITLE = "Messages Deleted Before They Were Read"
TEXT = """title: Messages Deleted Before They Were Read
level: high
description: Kafka's retention (or somebody who may delete records) removed messages that no worker had read.
"""


def is_gap(fetched: Fetched) -> bool:
    """True where the position moves over messages that are not there: only the start of the log has moved."""
    return not (len(fetched.messages) or fetched.dead) and 0 <= fetched.start < fetched.next_offset


def rule_row() -> RuleRow:
    """The rule that such alerts bear."""
    return RuleRow(
        id=RULE,
        hash=hashlib.blake2b(TEXT.encode(), digest_size=16).hexdigest(),
        title=TITLE,
        level="high",
        author="xdrtui",
        description="Kafka's retention, or somebody who may delete records, removed messages that no worker"
        " had read: what happened in them is not known.",
        text=TEXT,
        falsepositives=("The workers stood still for longer than the topic keeps its messages.",),
    )


def gap(fetched: Fetched, clock: Callable[[], int]) -> Found:
    """The finding. Its time is that of the noticing: the messages themselves, with theirs, are gone."""
    source, partition = fetched.messages.source, fetched.messages.partition
    first, last = fetched.start, fetched.next_offset - 1
    bounds = f"{first}-{last}"
    group = (("kafka.topic", source.name), ("kafka.partition", str(partition)), ("kafka.offsets", bounds))
    summary = (
        f"{last - first + 1:,} messages of {source.name}, partition {partition}, offsets {first} to {last},"
        " were deleted before they were read."
    )
    now = clock()
    row = rule_row()
    return Found(
        rule=RULE,
        position=Position(source.uid, partition, first),
        time=now,
        quality=0,
        ingest=now,
        event_type="xdrtui.gap",
        level="high",
        host="",
        user="",
        group=group,
        window=WINDOW,
        entities=(("topic", source.name),),
        captures={},
        matched={"kafka.offsets": bounds},
        summary=summary,
        raw=summary.encode(),
        event_hash=hashlib.blake2b(f"{source.uid}/{partition}/{bounds}".encode(), digest_size=16).digest(),
        rule_hash=row.hash,
    )
