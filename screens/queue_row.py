"""A line of the queue as the cells of its row. Pure.

Which columns there are stands here too: those whose content says how wide they need to be take that before
the sentence grows, so that an address is seen whole where one is shown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from screens.look import STATE_WORDS
from screens.names import main_entity, short_host, short_user
from screens.paint import Line as Painted
from screens.parts import severity
from screens.times import Zone, age, short_number
from screens.widgets.columns import Column

if TYPE_CHECKING:
    from xdrtui.triage.rows import Line

COLUMNS = (
    Column("sev", "SEV", 6, 6),
    Column("age", "AGE", 3, 5, right=True, claim=5),
    Column("host", "HOST", 7, 24, rank=3, claim=15),
    Column("user", "USER", 6, 16, rank=5, claim=8, yields=True, idle="-"),
    Column("what", "WHAT HAPPENED", 20, room=36, alone=45),
    Column("n", "N", 1, 9, right=True, rank=2, claim=9, gentle=True),
    Column("state", "ST", 3, 6, rank=1, claim=6, gentle=True),
    Column("own", "OWN", 3, 9, rank=6, claim=5, yields=True, idle="-"),
)


def line_row(line: Line, now: int, zone: Zone, me: str) -> tuple[dict[str, str | Painted], str]:
    """The cells of a line, and the style of its row. now: nanoseconds; me: who looks."""
    row = line.row
    style = "" if line.open else "dim"
    sign = severity(row.level) if line.open else [(severity(row.level)[0][0], "dim")]
    what: Painted = [(row.title, style or ("strong" if line.state == "new" else ""))]
    if row.summary:
        what += [("  ", style), (row.summary, style or "dim")]
    word = state_word(line, now)
    cells: dict[str, str | Painted] = {
        "sev": sign,
        "age": age(line.last_seen, now, zone),
        "host": short_host(main_entity(row)[1]) or "-",
        "user": short_user(row.user) or "-",
        "what": what,
        "n": open_of(line),
        "state": [(word, style or ("strong" if word in ("new", "again", "escal.") else ""))],
        "own": owner_word(line, me),
    }
    return cells, style


def state_word(line: Line, now: int = 0) -> str:
    """The least handled open state; "again" where new alerts, or findings, came after all were closed; where
    one is escalated and waits, or all sleep, that."""
    if line.waiting:
        return "escal."
    if line.snoozed > now:
        return "snooze"
    if line.again and line.state == "new":
        return "again"
    if line.state == "closed" and line.row.seen_after_close:
        return "again"
    return STATE_WORDS.get(line.state, line.state)


def open_of(line: Line) -> str:
    """'n open of m': "1", "18", where some are closed "3/18"."""
    if line.open == line.total:
        return short_number(line.total)
    return f"{short_number(line.open)}/{short_number(line.total)}"


def owner_word(line: Line, me: str) -> str:
    """Whose it is; "+" where others have alerts of it too."""
    owners = line.owners if line.open else (line.row.owner,)
    named = [owner for owner in owners if owner]
    if not named:
        return "-"
    first = me if me in named else named[0]
    return ("me" if first == me else first) + ("+" if len(owners) > 1 else "")
