"""Text that SQLite cannot hold, mended: unpaired surrogates become U+FFFD, numbers are kept within 64 bits.

Needed for hostile input only; a batch without such a thing never comes here. Pure.
"""

from __future__ import annotations

from typing import Any

import msgspec

from xdrtui.events.message import Position, Source
from xdrtui.store.batch import BatchResult, CapturedText, Found

LARGEST = 2**63 - 1


def text(value: str) -> str:
    """The same text with each unpaired surrogate as U+FFFD."""
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def mended(value: Any) -> Any:
    """The same JSON value with its texts so."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return {text(name): mended(each) for name, each in value.items()}
    return [mended(each) for each in value] if isinstance(value, list | tuple) else value


def number(value: int) -> int:
    return max(-LARGEST, min(LARGEST, value))


def pairs(values: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    return tuple((text(name), text(value)) for name, value in values)


def captured(value: CapturedText) -> CapturedText:
    if isinstance(value, str):
        return text(value)
    return [text(part) for part in value] if value is not None else None


def position(at: Position) -> Position:
    return Position(text(at.source), number(at.partition), number(at.offset), number(at.index))


def found(one: Found) -> Found:
    return msgspec.structs.replace(
        one,
        position=position(one.position),
        time=number(one.time),
        ingest=number(one.ingest),
        event_type=text(one.event_type),
        host=text(one.host),
        user=text(one.user),
        group=pairs(one.group),
        entities=pairs(one.entities),
        captures={text(name): captured(value) for name, value in one.captures.items()},
        matched={text(name): text(value) for name, value in one.matched.items()},
        summary=text(one.summary),
    )


def source(one: Source) -> Source:
    return msgspec.structs.replace(one, name=text(one.name))


def storable(result: BatchResult) -> BatchResult:
    """The same batch, such that SQLite can hold it."""
    return msgspec.structs.replace(
        result,
        found=[found(one) for one in result.found],
        dead=[
            msgspec.structs.replace(one, position=position(one.position), reason=text(one.reason))
            for one in result.dead
        ],
        sources=[source(one) for one in result.sources],
        presence={
            (text(kind), text(host)): {text(name): n for name, n in fields.items()}
            for (kind, host), fields in result.presence.items()
        },
    )
