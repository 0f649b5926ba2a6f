"""`xdrtui deadletters list|show|retry|discard`: messages that no decoder could read, and another try.

A dead letter is what somebody sent, so nothing of it reaches the terminal as it is: text goes through
`visible`, bytes that are no text are shown as a dump. Lines for people fit 80 columns.
"""

from __future__ import annotations

import asyncio
import base64
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xdrtui.commands.columns import cells
from xdrtui.commands.output import print_json, say, time_iso, time_text
from xdrtui.commands.session import Session, pass_session
from xdrtui.errors import StoreError
from xdrtui.plain import counted, visible

if TYPE_CHECKING:
    from xdrtui.pipeline.process import Process
    from xdrtui.pipeline.retry import Retried, Unpack
    from xdrtui.store.deadletters import DeadRow
    from xdrtui.store.store import Store

WIDTH = 80
PLACE = 22
"""Cells of a list's line for where a letter stands."""

SHOWN_BYTES = 4096
"""Of a payload, unless all is asked for."""

MANY = 10
"""Payloads; before so many are discarded, a person is asked."""

_source = click.option(
    "--source", default="", metavar="TEXT", help="Only from topics or files with this in their name."
)
_reason = click.option("--reason", default="", metavar="TEXT", help="Only with this in their reason.")
_format = click.option(
    "--format", "form", type=click.Choice(["text", "jsonl"]), default="text", show_default=True
)


@click.group("deadletters", short_help="Messages that could not be read: list, show, retry, discard.")
def command() -> None:
    """Messages that could not be read: list them, show one, try again, make room."""


@command.command("list")
@_source
@_reason
@click.option(
    "--limit", type=click.IntRange(1, 10**9), default=100, show_default=True, help="At most so many."
)
@_format
@pass_session
def list_(session: Session, source: str, reason: str, limit: int, form: str) -> None:
    """List dead letters, the newest first: number, when it came, where it stands, size, reason."""
    from xdrtui.store import deadletters
    from xdrtui.store.store import Store

    with Store.open(_workspace(session), readonly=True) as store:
        rows = deadletters.read(store.connection, source=source, reason=reason, limit=limit)
        total = deadletters.count(store.connection, source=source, reason=reason)
    if form == "jsonl":
        for row in rows:
            print_json(as_data(row))
        return
    for line in _table(rows):
        click.echo(line)
    say(f"{len(rows)} of {total} dead letters." if total > len(rows) else f"{counted(total, 'dead letter')}.")


@command.command("show")
@click.argument("number", type=click.IntRange(1, 2**63 - 1))
@click.option(
    "--all", "whole", is_flag=True, help=f"All that is kept, not only the first {SHOWN_BYTES} bytes."
)
@click.option("--raw", is_flag=True, help="The bytes alone, as they came; not to a terminal.")
@_format
@pass_session
def show(session: Session, number: int, whole: bool, raw: bool, form: str) -> None:
    """Show one dead letter: where it stands, why it could not be read, and what it holds."""
    from xdrtui.store.store import Store

    with Store.open(_workspace(session), readonly=True) as store:
        (row,) = _numbered(store, [number])
    if raw:
        if sys.stdout.isatty():
            raise click.UsageError("--raw would let the terminal act on the bytes: send them to a file.")
        click.echo(row.letter.payload, nl=False)
    elif form == "jsonl":
        print_json(as_data(row))
    else:
        for line in describe(row, None if whole else SHOWN_BYTES):
            click.echo(line)


@command.command("retry")
@click.argument("numbers", type=click.IntRange(1, 2**63 - 1), nargs=-1, metavar="[NUMBER]...")
@click.option("--all", "every", is_flag=True, help="All of them, or all that --source and --reason leave.")
@_source
@_reason
@_format
@pass_session
def retry(
    session: Session, numbers: tuple[int, ...], every: bool, source: str, reason: str, form: str
) -> None:
    """Read dead letters again with today's layouts and rules.

    What can be read now stands at the position that the message always had, so that ids do not change; the
    rest stays. A correlation whose window was already decided may not count it any more; that is said.
    """
    if bool(numbers) == bool(every or source or reason):
        raise click.UsageError("name the numbers of dead letters (`xdrtui deadletters list`), or --all.")
    from xdrtui.commands.rules import rulebook
    from xdrtui.pipeline.process import Process
    from xdrtui.pipeline.retry import retry as try_again
    from xdrtui.store import deadletters
    from xdrtui.store.store import Store

    workspace = _workspace(session)
    process = Process(rulebook(session))
    done: list[Retried] = []
    with Store.open(workspace) as store:
        if numbers:
            rows: Iterator[DeadRow] = iter(_numbered(store, sorted(set(numbers))))
        else:
            rows = deadletters.oldest_first(store.connection, source=source, reason=reason)
        unpack = _unpacking(session)
        for one in try_again(store, process, rows, lambda row: _whole(session, row), unpack):
            done.append(one)
            if form == "jsonl":
                print_json(_result(one))
            elif one.events or numbers:
                click.echo(_told(one))
        _fold(store, process)
    read = [one for one in done if one.events]
    decided = sum(one.decided for one in done)
    events = counted(sum(one.events for one in read), "event")
    findings = counted(sum(one.findings for one in read), "finding")
    say(f"{len(read)} of {len(done)} dead letters could be read: {events}, {findings}.")
    if decided:
        say(
            f"For {decided} of the findings the window was already decided: their own alerts are made, but"
            " correlations may not count them."
        )


@command.command("discard")
@click.argument("numbers", type=click.IntRange(1, 2**63 - 1), nargs=-1, metavar="[NUMBER]...")
@click.option("--all", "every", is_flag=True, help="All of them, or all that the other options leave.")
@_source
@_reason
@click.option(
    "--before", default="", metavar="WHEN", help="Only what came in before: 30d (ago), 06:00, a date."
)
@click.option("--yes", is_flag=True, help=f"Do not ask, however many there are (it asks from {MANY} on).")
@pass_session
def discard(
    session: Session,
    numbers: tuple[int, ...],
    every: bool,
    source: str,
    reason: str,
    before: str,
    yes: bool,
) -> None:
    """Discard the payloads of dead letters, so that there is room for those of new ones.

    Number, reason, place and size stay, and the ledger keeps who did it. What came from a topic can still be
    read again by `retry`, as long as the topic has it; nothing else brings a payload back.
    """
    from xdrtui.commands.alerts import open_desk
    from xdrtui.store import deadletters
    from xdrtui.store.store import Store
    from xdrtui.triage import moments

    if bool(numbers) == bool(every or source or reason or before):
        raise click.UsageError("name the numbers of dead letters (`xdrtui deadletters list`), or --all.")
    moment = moments.before(before, time.time_ns()) if before else None
    with Store.open(_workspace(session), readonly=True) as store:
        if numbers:
            _numbered(store, sorted(set(numbers)))
        found, waiting = deadletters.discardable(
            store.connection, numbers=numbers or None, source=source, reason=reason, before=moment
        )
    if waiting:
        say(f"{counted(waiting, 'dead letter')} left as they are: they wait to be sent to their topic.")
    if not found:
        say("None of these has a payload that could be discarded.")
        return
    size = _bytes(sum(each for _, each in found))
    if len(found) >= MANY and not yes:
        click.confirm(f"Discard {len(found):,} payloads ({size})?", abort=True, err=True)
    with open_desk(session, readonly=False) as desk:
        letters, freed = desk.discard_letters([number for number, _ in found])
    say(f"{counted(letters, 'payload')} discarded: room for {_bytes(freed)} more.")


def _whole(session: Session, row: DeadRow) -> bytes | None:
    """The message of a letter that was cut, from its topic, where that can be."""
    at, kafka = row.letter.position, session.settings.kafka
    if not at.source.startswith("kafka:") or at.index or not kafka.brokers:
        return None
    from xdrtui.sources.again import read_again

    return read_again(kafka, row.source.name, at.partition, at.offset)


def _unpacking(session: Session) -> Unpack:
    """What the profile's schema registry, if there is one, makes of messages of topics."""
    from xdrtui.pipeline.retry import NotNow
    from xdrtui.sources.registry import RegistryDown, open_registry

    registry = open_registry(session.settings.kafka)

    def unpack(row: DeadRow, payload: bytes) -> tuple[bytes, str]:
        if registry is None or not row.letter.position.source.startswith("kafka:"):
            return payload, ""
        try:
            (found,), unread = asyncio.run(registry.read([payload]))
        except RegistryDown as down:
            raise NotNow(str(down)) from None
        return found, unread.get(0, "")

    return unpack


def _fold(store: Store, process: Process) -> None:
    """Make alerts of what came, unless a worker does that already."""
    from xdrtui.pipeline.correlator import Correlator

    book = process.rulebook
    store.set_rules(book.rows())
    with Correlator(store, book.correlations, muted=book.muted) as correlator:
        correlator.fold(decide=False)


def _workspace(session: Session) -> Path:
    from xdrtui.store.place import DATABASE

    workspace = session.settings.workspace
    if not (workspace / DATABASE).exists():
        raise StoreError(f"nothing is stored in {workspace} yet: `xdrtui run` or `xdrtui scan --into` does.")
    return workspace


def _numbered(store: Store, numbers: Sequence[int]) -> Sequence[DeadRow]:
    from xdrtui.store import deadletters

    rows = deadletters.by_number(store.connection, numbers)
    missing = sorted(set(numbers) - {row.number for row in rows})
    if missing:
        raise click.ClickException(
            f"there is no dead letter {missing[0]}: `xdrtui deadletters list` shows those there are."
        )
    return rows


def where(row: DeadRow) -> str:
    """Where it stands, for people: `topic/partition/offset`, and which part of the message."""
    at = row.letter.position
    name = row.source.name or at.source
    part = f"#{at.index}" if at.index else ""
    if row.source.kind == "file":
        return f"{name}:{at.offset + 1}{part}"
    return f"{name}/{at.partition}/{at.offset}{part}"


def _table(rows: Sequence[DeadRow]) -> Iterator[str]:
    """Columns that fit 80 cells: long names lose their beginning, reasons their end."""
    places = [_tail(visible(where(row)), PLACE) for row in rows]
    room = max([5, *map(cells, places)])
    yield click.style(f"{'NUMBER':>6}  {'CAME IN':<17}  {'SIZE':>6}  {'WHERE':<{room}}  REASON", bold=True)
    for row, place in zip(rows, places, strict=True):
        came = time_text(row.letter.ingest)[:16] + "Z" if row.letter.ingest else "unknown"
        place += " " * (room - cells(place))
        size = _short(row.letter.size)
        yield _cut(f"{row.number:>6}  {came:<17}  {size:>6}  {place}  {visible(row.letter.reason)}")


def _tail(text: str, room: int) -> str:
    """The end of a text that is too long."""
    if cells(text) <= room:
        return text
    while cells(text) >= room:
        text = text[1:]
    return "…" + text


def _short(size: int) -> str:
    """Bytes in at most six characters."""
    for unit in ("", "K", "M"):
        if size < 10_000:
            return f"{size}{unit}"
        size //= 1024
    return f"{size}G"


def _bytes(size: int) -> str:
    short = _short(size)
    return f"{short} bytes" if short.isdigit() else f"{short}B"


def _cut(line: str) -> str:
    if cells(line) <= WIDTH:
        return line
    while cells(line) >= WIDTH:
        line = line[:-1]
    return line + "…"


def describe(row: DeadRow, limit: int | None) -> Iterator[str]:
    """One dead letter as lines of at most 80 cells. limit: bytes of the payload to show."""
    letter = row.letter
    yield from _field("number", str(row.number))
    yield from _field("where", where(row))
    yield from _field("source", letter.position.source)
    yield from _field("came in", time_text(letter.ingest) if letter.ingest else "unknown")
    yield from _field("reason", letter.reason)
    kept = f", {len(letter.payload):,} of them kept" if row.cut else ""
    yield from _field("size", f"{letter.size:,} bytes{kept}")
    yield ""
    shown = letter.payload if limit is None else letter.payload[:limit]
    yield from payload_lines(shown)
    if len(shown) < len(letter.payload):
        yield f"... {len(letter.payload) - len(shown):,} bytes more: --all shows them."


def _field(name: str, value: str) -> Iterator[str]:
    for number, part in enumerate(_wrapped(visible(value), WIDTH - 10)):
        yield f"{name if number == 0 else '':<10}{part}"


def payload_lines(payload: bytes) -> Iterator[str]:
    """The payload as text where it is UTF-8, else as a dump of hexadecimal numbers; harmless either way."""
    try:
        text = payload.decode()
    except UnicodeDecodeError:
        for start in range(0, len(payload), 16):
            part = payload[start : start + 16]
            seen = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
            yield f"{start:08x}  {part[:8].hex(' '):<23}  {part[8:].hex(' '):<23}  {seen}"
        return
    for line in text.split("\n"):
        yield from _wrapped(visible(line), WIDTH)


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Pieces of at most so many cells."""
    piece: list[str] = []
    taken = 0
    for character in text:
        wide = cells(character)
        if taken + wide > width:
            yield "".join(piece)
            piece, taken = [], 0
        piece.append(character)
        taken += wide
    yield "".join(piece)


def as_data(row: DeadRow) -> dict[str, object]:
    """A dead letter for programs: payload in Base64, and as text where it is UTF-8."""
    letter = row.letter
    data: dict[str, object] = {
        "number": row.number,
        "source": row.source.name,
        "position": letter.position._asdict(),
        "reason": letter.reason,
        "size": letter.size,
        "ingest": time_iso(letter.ingest) if letter.ingest else None,
        "payload": base64.b64encode(letter.payload).decode(),
    }
    try:
        data["text"] = letter.payload.decode()
    except UnicodeDecodeError:
        data["text"] = None
    return data


def _result(one: Retried) -> dict[str, object]:
    return {
        "number": one.row.number,
        "position": one.row.letter.position._asdict(),
        "events": one.events,
        "findings": one.findings,
        "decided": one.decided,
        "reason": one.reason or None,
    }


def _told(one: Retried) -> str:
    if not one.events:
        return _cut(f"{one.row.number:>6}  still dead: {visible(one.reason)}")
    late = f", {one.decided} in windows already decided" if one.decided else ""
    return _cut(
        f"{one.row.number:>6}  {counted(one.events, 'event')}, {counted(one.findings, 'finding')}{late}"
    )
