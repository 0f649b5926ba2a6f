"""What a thousand messages are: layouts, the share that is routed, clock skew, repairs, rules that can apply.

In: the messages of a file, a folder or a topic. Out: checks. Nothing is stored and no position moves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from detectors.contract import EventType
from xdrtui.commands.checks.check import Check, State
from xdrtui.errors import SourceError
from xdrtui.events.decode import Decoder
from xdrtui.events.frame import Counts
from xdrtui.events.layouts.layout import bundled_layouts
from xdrtui.events.message import DeadLetter, Messages
from xdrtui.events.times import LIVE_BACK, ReplayClock
from xdrtui.pipeline.rulebook import Rulebook
from xdrtui.settings import Settings

AREA = "sample"
MESSAGES = 1_000
ENOUGH_ROUTED = 0.9
SECOND = 1_000_000_000
_SKEWED = 60.0
_SHOWN = 8
_KEYS = 60
"""Characters of an unrouted event's keys that are shown."""


def check_sample(settings: Settings, book: Rulebook, sample: str) -> Iterator[Check]:
    """Checks on the first messages of a path, or the latest of a topic. Raises SourceError, BrokerError."""
    if Path(sample).exists() or sample == "-":
        batches: Iterable[Messages] = _from_files(sample)
        live = False
    elif sample in settings.kafka.topics or settings.kafka.brokers:
        batches = _from_topic(settings, sample)
        live = True
    else:
        raise SourceError(
            f"there is no file or folder {sample}, and no broker is set that could have a topic."
        )
    yield from describe(batches, book, live=live)


def first_messages(batches: Iterable[Messages], most: int) -> Iterator[Messages]:
    """The first messages of the batches, `most` in all."""
    left = most
    for batch in batches:
        if left <= 0:
            break
        take = min(len(batch), left)
        left -= take
        ingest = batch.ingest[:take] if batch.ingest is not None else None
        yield msgspec.structs.replace(
            batch, offsets=batch.offsets[:take], payloads=batch.payloads[:take], ingest=ingest
        )


def describe(batches: Iterable[Messages], book: Rulebook, *, live: bool) -> Iterator[Check]:
    """What these messages are. live: their ingest times are true, so clock skew can be told."""
    decoder = Decoder(bundled_layouts(), book.detector.needs)
    counts = Counts()
    dead: list[DeadLetter] = []
    skews: list[float] = []
    undated = 0
    clocks: dict[str, ReplayClock] = {}
    for batch in batches:
        clock = None if live else clocks.setdefault(batch.source.uid, ReplayClock())
        decoded = decoder.decode(batch, clock)
        counts.add(decoded.counts)
        dead += decoded.dead
        for frame in decoded.frames:
            for time, ingest in zip(frame.stated, frame.ingest, strict=True):
                if isinstance(time, int):
                    skews.append((time - ingest) / SECOND)
                else:
                    undated += time is None
    yield from _read(counts, dead)
    if counts.events:
        yield from _routed(counts)
        yield _times(skews, undated, counts.events, live=live)
        yield _rules(book, decoder.event_types_seen.values())


def _read(counts: Counts, dead: list[DeadLetter]) -> Iterator[Check]:
    if not counts.messages:
        yield Check(AREA, "messages", State.LIMITED, "none", "name a path or topic that holds some")
        return
    yield Check(AREA, "messages", State.FINE, f"{counts.messages:,} messages hold {counts.events:,} events")
    if counts.salvaged:
        seen = f"{counts.salvaged:,} events were repaired before they could be read"
        yield Check(
            AREA, "salvaged", State.LIMITED, seen, "see whether what sends them cuts or re-encodes them"
        )
    if dead:
        reasons = Counter(letter.reason for letter in dead)
        seen = f"{counts.dead:,} messages cannot be read: {_most(reasons)}"
        yield Check(
            AREA,
            "dead letters",
            State.LIMITED,
            seen,
            "look at them where they stand, or mend what sends them",
        )


def _routed(counts: Counts) -> Iterator[Check]:
    share = counts.routed / counts.events
    known = Counter({name: n for name, n in counts.layouts.items() if name != "unrouted"})
    if known:
        yield Check(AREA, "layouts", State.FINE, _most(known))
    enough = share >= ENOUGH_ROUTED
    seen = f"{share:.1%} of the events are of a known layout"
    keys = Counter({shape[:_KEYS] + "…" * (len(shape) > _KEYS): n for shape, n in counts.shapes.items()})
    todo = "" if enough else f"rules see no fields of the others, whose keys are: {_most(keys, 3)}"
    yield Check(AREA, "routed", State.FINE if enough else State.LIMITED, seen, todo)


def _times(skews: list[float], undated: int, events: int, *, live: bool) -> Check:
    if undated:
        seen = f"{undated:,} of {events:,} events say no time; the time of their arrival is used"
        return Check(AREA, "times", State.LIMITED, seen, "see that what sends them adds a time")
    if not live or not skews:
        return Check(AREA, "times", State.FINE, "every event says its time (recorded data: no skew to tell)")
    skews.sort()
    middle = skews[len(skews) // 2]
    seen = (
        f"{_signed(skews[0])} to {_signed(skews[-1])} against their arrival, in the middle {_signed(middle)}"
    )
    old = sum(skew < -LIVE_BACK / SECOND for skew in skews)
    if old:
        seen += f"; {old:,} of {events:,} are too old to be believed: windows and --since use their arrival"
        todo = (
            "if that is recorded data, send it by `xdrtui replay`, or name its topic in kafka.replay_topics"
        )
        return Check(AREA, "clock skew", State.LIMITED, seen, todo)
    if skews[-1] > _SKEWED:
        return Check(
            AREA, "clock skew", State.LIMITED, seen, "set the clock of what sends events from the future"
        )
    return Check(AREA, "clock skew", State.FINE, seen)


def _signed(seconds: float) -> str:
    """A skew in the unit that it is felt in: "-2 s", "+3.0 h", "-2,313 days"."""
    for size, unit, places in ((86_400, "days", 0), (3_600, "h", 1), (60, "min", 0)):
        if abs(seconds) >= 2 * size:
            return f"{seconds / size:+,.{places}f} {unit}"
    return f"{seconds:+.0f} s"


def _rules(book: Rulebook, seen: Iterable[EventType]) -> Check:
    types = list(seen)
    apply = sum(any(kind.serves(rule.log_source) for kind in types) for rule in book.rules.values())
    text = f"{apply:,} of {len(book.rules):,} look at events of these kinds"
    todo = "" if apply else "`xdrtui rules list` shows which log sources the rules are for"
    return Check(AREA, "rules", State.FINE if apply else State.LIMITED, text, todo)


def _most(counter: Counter[str], most: int = _SHOWN) -> str:
    parts = [f"{name} {n:,}" for name, n in counter.most_common(most)]
    rest = len(counter) - len(parts)
    return ", ".join(parts) + (f" and {rest} more" if rest > 0 else "")


def _from_files(path: str) -> Iterator[Messages]:
    """The first messages of each file, so many of each that all have their share."""
    from xdrtui.sources.files import open_files, walk

    files = [path] if path == "-" else list(walk(path))[:MESSAGES]
    share = max(1, MESSAGES // max(1, len(files)))
    for file in files:
        yield from first_messages(open_files([file], batch_messages=share), share)


def _from_topic(settings: Settings, topic: str) -> Iterable[Messages]:
    from xdrtui.sources.sample import sample_topic

    return sample_topic(settings.kafka, topic, MESSAGES)
