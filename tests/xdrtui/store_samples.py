"""Small findings and marks for tests of the store, the correlator and triage."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from xdrtui.events.message import DeadLetter, Position
from xdrtui.store.batch import BatchResult, Found, Mark

SECOND = 1_000_000_000
HOUR = 3600 * SECOND
START = 1_700_000_000 * SECOND // HOUR * HOUR


def found(
    rule: str = "rule-a",
    offset: int = 0,
    *,
    partition: int = 0,
    source: str = "s",
    time: int = START,
    host: str = "WKS-1",
    user: str = "ada",
    raw: bytes | None = None,
    **more: Any,
) -> Found:
    payload = raw if raw is not None else f'{{"host":"{offset}","t":{time}}}'.encode("utf-8", "replace")
    fields: dict[str, Any] = {
        "quality": 0,
        "ingest": time,
        "event_type": "windows.sysmon.1",
        "level": "medium",
        "group": (("host.name", host),),
        "window": HOUR,
        "entities": (("host", host), ("user", user)),
        "captures": {},
        "matched": {"Image": "x.exe"},
        "summary": f"x.exe started on {host}",
        "event_hash": hashlib.sha256(payload).digest()[:16],
    }
    return Found(
        rule=rule,
        position=Position(source, partition, offset, 0),
        time=time,
        host=host,
        user=user,
        raw=payload,
        **(fields | more),
    )


def mark(
    next_offset: int,
    *,
    start: int = -1,
    source: str = "s",
    partition: int = 0,
    watermark: int = 0,
    generation: int = 0,
) -> Mark:
    return Mark(source, partition, next_offset, b"", watermark, start, generation)


def batch(
    findings: Sequence[Found], marks: Sequence[Mark] = (), dead: Sequence[DeadLetter] = ()
) -> BatchResult:
    return BatchResult(found=list(findings), marks=list(marks), dead=list(dead))
