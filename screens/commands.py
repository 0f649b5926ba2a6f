"""Everything a person can do on the screens, once: keys, footer, help, palette and the manual's page of keys
all come from `COMMANDS`.

In: nothing. Out: `Command`s, and `Facts`, by which a command says whether it applies now and, if not, why.
What a command does is the panes' business: each handles it in a method `do_<id>`, dots as underscores.

The laws (tests/screens/test_commands.py): a letter means the same in all panes; a command that changes what
is stored is no Shift pair of one that does not, and no capital A to H, `[`, `O` or `~` (fragments of arrow
keys on broken links); nothing needs Alt, F-keys or Ctrl.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

QUEUE, ALERT, LIVE, HELP, MANUAL = "queue", "alert", "live", "help", "manual"
SINCE, HANDOVER = "since", "handover"
PANES: Mapping[str, str] = MappingProxyType(
    {
        QUEUE: "the alert queue",
        ALERT: "one alert",
        LIVE: "live events",
        HELP: "keys",
        MANUAL: "the manual",
        SINCE: "since you last looked",
        HANDOVER: "the handover",
    }
)
LISTS = frozenset({QUEUE, LIVE})
JUDGED = frozenset({QUEUE, ALERT})
PAGES = frozenset({ALERT, HELP, MANUAL, SINCE, HANDOVER})
ANYWHERE: frozenset[str] = frozenset(PANES)


@dataclass(frozen=True)
class Facts:
    """What commands need to know to say whether they apply now.

    state: the alert under the cursor's, "" where there is none; marked: how many alerts are marked; new: how
    many newcomers wait, or were taken in and are out of sight; undo, redo: whether there is something to take
    back, or to do again; readonly: why nothing can be written, or ""; topic: why no topic can be watched, or
    "".
    """

    pane: str = QUEUE
    rows: int = 0
    state: str = ""
    marked: int = 0
    new: int = 0
    undo: bool = True
    redo: bool = True
    readonly: str = ""
    wide: bool = False
    demo: bool = False
    searched: bool = False
    frozen: bool = False
    topic: str = ""


def _always(facts: Facts) -> str:
    return ""


@dataclass(frozen=True)
class Command:
    """One command. keys: as typed ("a", "g g", "/"), or named ("enter", "up"); title: for the footer, as
    short as can be; help: a sentence without a full stop; panes: where it exists; changes: it writes to the
    store; footer: its place in the footer, 0 = not there; why_not: "" where it applies now, else the reason;
    asks: it opens an input or a menu; here: it is about what stands under the cursor, so it waits until that
    stands on the screen.
    """

    id: str
    keys: tuple[str, ...]
    title: str
    help: str
    panes: frozenset[str] = ANYWHERE
    changes: bool = False
    footer: int = 0
    group: str = "look"
    why_not: Callable[[Facts], str] = field(default=_always, compare=False)
    asks: bool = False
    here: bool = False


def _with_alert(facts: Facts) -> str:
    return "" if facts.state or facts.marked else "there is no alert here"


def _judging(*, to: str) -> Callable[[Facts], str]:
    def why_not(facts: Facts) -> str:
        if facts.readonly:
            return facts.readonly
        if facts.pane == HANDOVER:
            return "" if facts.state else "no handover of somebody else waits"
        if facts.marked:
            return ""
        if not facts.state:
            return "there is no alert here"
        if facts.state == to:
            return f"this alert is {to} already"
        return ""

    return why_not


def _writing(facts: Facts) -> str:
    return facts.readonly or _with_alert(facts)


def _undoing(facts: Facts) -> str:
    return facts.readonly or ("" if facts.undo else "nothing of yours is left to undo")


def _redoing(facts: Facts) -> str:
    return facts.readonly or ("" if facts.redo else "nothing was undone since")


def _rows(facts: Facts) -> str:
    return "" if facts.rows else "the list is empty"


def _demo(facts: Facts) -> str:
    return "" if facts.demo else "this is not the demo"


def _hint(facts: Facts) -> str:
    return _demo(facts) or ("" if facts.state else "put the cursor on an alert first")


def _here(facts: Facts) -> str:
    return "" if facts.state else "there is no alert here"


def _memo(facts: Facts) -> str:
    return facts.readonly or _here(facts)


def _side_by_side(facts: Facts) -> str:
    return "" if facts.wide else "only one pane is shown: 1 to 3 change it"


def _event(facts: Facts) -> str:
    return "" if facts.state or (facts.pane == LIVE and facts.rows) else "there is no event here"


def _marked(facts: Facts) -> str:
    return "" if facts.marked else "nothing is marked"


def _newcomers(facts: Facts) -> str:
    return "" if facts.new else "no new alert waits, and none is out of sight"


def _searched(facts: Facts) -> str:
    return "" if facts.searched else "search with / first"


def _topic(facts: Facts) -> str:
    return facts.topic


def _moves(id: str, keys: tuple[str, ...], title: str, help: str, footer: int = 0) -> Command:
    return Command(id, keys, title, help, group="move", footer=footer)


def _judges(
    id: str, key: str, title: str, help: str, why_not: Callable[[Facts], str], footer: int = 0
) -> Command:
    keys = (key,) if key else ()
    here = id not in ("undo", "redo")
    return Command(id, keys, title, help, JUDGED, True, footer, "judge", why_not, here=here)


def _demos(id: str, key: str, title: str, help: str) -> Command:
    return Command(id, (key,) if key else (), title, help, group="demo", why_not=_demo)


def _open_one(facts: Facts) -> str:
    closed = facts.state == "closed" and not facts.marked
    return _writing(facts) or ("this alert is closed" if closed else "")


def _may_write(facts: Facts) -> str:
    return facts.readonly


_QUEUE_ONLY, _LIVE_ONLY, _ALERT_ONLY = frozenset({QUEUE}), frozenset({LIVE}), frozenset({ALERT})

COMMANDS: tuple[Command, ...] = (
    _moves("down", ("j", "down"), "down", "Next line"),
    _moves("up", ("k", "up"), "up", "Line before"),
    Command(
        "open", ("enter", "l", "right"), "open", "Open what is under the cursor",
        LISTS | {SINCE, HANDOVER}, False, 60, "move", _rows, here=True,
    ),
    _moves(
        "back", ("q", "h", "left", "escape"), "back",
        "Go back; q on the first pane leaves, after asking", 100,
    ),
    _moves("page_down", ("pagedown", "}"), "page down", "A page down"),
    _moves("page_up", ("pageup", "{"), "page up", "A page up"),
    _moves("first", ("g g", "home"), "first", "First line; in the queue this takes new alerts in"),
    _moves("last", ("G", "end"), "last", "Last line"),
    Command(
        "next_alert", ("J",), "next", "Next alert of the line, newest first; then the next line",
        JUDGED, False, 70, "move", _rows,
    ),
    Command(
        "previous_alert", ("K",), "prev", "Alert before this one", JUDGED, False, 0, "move",
        _rows,
    ),
    Command(
        "other_pane", ("tab",), "other", "To the other pane, where two stand side by side",
        JUDGED, False, 0, "move", _side_by_side,
    ),
    _moves("pane.queue", ("1",), "queue", "Alert queue"),
    _moves("pane.alert", ("2",), "alert", "The newest alert of the line under the queue's cursor"),
    _moves("pane.live", ("3",), "live", "Live events, newest first"),
    Command(
        "acknowledge", ("a",), "ack", "Acknowledge: you have seen it, or take it up where it was escalated",
        JUDGED | {HANDOVER}, True, 10, "judge", _judging(to="acknowledged"), here=True,
    ),
    _judges("investigate", "i", "inv.", "Investigate: you work on it", _judging(to="investigating"), 12),
    _judges("close", "c", "close", "Close with a disposition, one key each", _judging(to="closed"), 14),
    _judges("own", "o", "own", "Take it as yours; again: give it back", _writing),
    _judges("assign", "", "assign", "Give it to somebody by name", _writing),
    _judges("memo", "m", "memo", "Write a memo on it", _memo),
    _judges("snooze", "z", "snooze", "Let it sleep until an end: it comes back by itself", _open_one),
    _judges("escalate", "b", "escalate", "Hand it to somebody beyond you, with a sentence", _open_one),
    _judges("suppress", "", "suppress", "Make no alert of such findings for a time", _memo),
    Command(
        "mark", ("space",), "mark", "Mark or unmark a line; a, i, c and o then apply to all marked",
        _QUEUE_ONLY, False, 20, "judge", _rows, here=True,
    ),
    Command(
        "mark_like", ("*",), "mark like it", "Mark all lines of the same rule",
        _QUEUE_ONLY, False, 0, "judge", _here, here=True,
    ),
    Command(
        "mark_to", ("T",), "mark to here", "Mark the lines from the last mark to the cursor",
        _QUEUE_ONLY, False, 0, "judge", _marked, here=True,
    ),
    Command(
        "mark_all", ("%",), "mark all", "Mark all lines that the filter lets through",
        _QUEUE_ONLY, False, 0, "judge", _rows, here=True,
    ),
    Command(
        "unmark", ("backspace",), "unmark", "Take all marks away", _QUEUE_ONLY, False, 0, "judge",
        _marked,
    ),
    _judges("undo", "u", "undo", "Undo your last change; any number of steps", _undoing, 22),
    _judges("redo", "U", "redo", "Do again what was undone", _redoing),
    Command(
        "newcomers", (".",), "take in", "Take in the new alerts that wait; then go to those out of sight",
        _QUEUE_ONLY, why_not=_newcomers,
    ),
    Command("sort", ("S",), "sort", "Sort the queue by another column", _QUEUE_ONLY, asks=True),
    Command("views", ("V",), "views", "Saved filters: take one, keep this one", _QUEUE_ONLY, asks=True),
    Command("since", ("L",), "since", "What is new, changed, taken back, ending or quiet since you looked"),
    Command("handover", (), "handover", "What this shift hands to the next", group="judge"),
    Command("period", ("P",), "period", "Tell of another period: since 06:00, since you last handed over",
            frozenset({HANDOVER}), footer=16, group="judge", asks=True),
    Command("give", (), "hand over", "Give the handover: the next analyst acknowledges it", changes=True,
            group="judge", why_not=_may_write),
    Command("log", (), "shift log", "Write a memo on no alert: it stands in the handover", changes=True,
            group="judge", why_not=_may_write, asks=True),
    Command("dismiss", (), "dismiss", "Dismiss what the red line says has happened: you have seen it",
            changes=True, group="judge", why_not=_may_write),
    Command("suppressions", (), "suppressions", "What makes no alert for now, with what it hid; lift one",
            group="judge", asks=True),
    Command(
        "event", ("e",), "event", "Unfold or fold the raw event",
        frozenset({ALERT, LIVE}), False, 30, "look", _event, here=True,
    ),
    Command(
        "rule", ("d",), "rule", "Unfold or fold the definition of the rule",
        _ALERT_ONLY, False, 32, "look", _here, here=True,
    ),
    Command(
        "freeze", ("s",), "freeze", "Stand still, or let the tail run: nothing is lost",
        _LIVE_ONLY, footer=16,
    ),
    Command(
        "topic", ("W",), "topic", "Watch the topics themselves, however far workers are behind: display only",
        _LIVE_ONLY, footer=18, why_not=_topic,
    ),
    Command(
        "around", ("#",), "around it", "Stand still on this event, with all that went by about it",
        _LIVE_ONLY, why_not=_rows,
    ),
    Command(
        "copy", ("y",), "copy", "Copy: y value, r raw, i indicators, m Markdown, l address",
        JUDGED, why_not=_here, asks=True, here=True,
    ),
    Command("filter", ("/",), "filter", "Filter the list, or search the page", footer=80, asks=True),
    Command("hit_next", ("n",), "next hit", "Next hit of the search", PAGES, why_not=_searched),
    Command("hit_previous", ("N",), "hit before", "Hit before", PAGES, why_not=_searched),
    Command("zone", ("t",), "zone", "Times in UTC, in your own zone, or in the one that is set"),
    Command(
        "palette", (":",), "palette", "Find a command, an alert or a page of the manual by name",
        footer=85, asks=True,
    ),
    Command("help", ("?",), "keys", "What applies here", footer=90),
    Command("theme", (), "theme", "The next theme: dark, light, high contrast, colour-blind safe"),
    Command("manual", (), "manual", "Read the manual"),
    Command(
        "bandwidth", ("_",), "low bandwidth", "Send little, for a slow link; again: as much as there is",
    ),
    Command("bare", ("Y",), "bare text", "The pane as bare text, to be selected with the mouse"),
    Command("mouse", (";",), "mouse", "Switch the mouse on or off"),
    Command("leave", (), "leave", "Leave xdrtui"),
    Command(
        "demo.hint", ("x",), "hint", "A hint, in three grades: where to look, which field, the answer",
        JUDGED, False, 18, "demo", _hint, here=True,
    ),
    _demos("demo.pause", "=", "pause", "Stop the demo's clock, or let it run"),
    _demos("demo.step", ">", "step", "Go on to the next step of the attack"),
    _demos("demo.faster", "+", "faster", "The demo's clock twice as fast"),
    _demos("demo.slower", "-", "slower", "The demo's clock half as fast"),
    _demos("demo.report", "", "report", "How the demo went: found, missed, false alarms"),
)  # fmt: skip

_in_force: list[tuple[Command, ...]] = [COMMANDS]


def in_force() -> tuple[Command, ...]:
    """The commands with the keys that they have in this process."""
    return _in_force[-1]


def set_in_force(commands: tuple[Command, ...] = COMMANDS) -> None:
    """Give this process' commands these keys (see `keymap.rebound`)."""
    _in_force[-1] = commands


GROUPS: Mapping[str, str] = MappingProxyType(
    {"judge": "Judging alerts", "move": "Moving about", "look": "Looking", "demo": "In the demo"}
)

BY_ID: Mapping[str, Command] = MappingProxyType({command.id: command for command in COMMANDS})

DISPOSITIONS: tuple[tuple[str, str, str], ...] = (
    ("t", "true_positive", "true positive: it is an attack"),
    ("a", "benign_authorised", "benign: authorised activity"),
    ("e", "benign_test", "benign: a test or exercise"),
    ("r", "false_positive_rule", "false positive: the rule is wrong"),
    ("d", "false_positive_data", "false positive: the data is wrong"),
    ("2", "duplicate", "duplicate of another alert"),
    ("n", "undetermined", "undetermined: cannot be told"),
)
"""Keys of the closing menu, each with its disposition and what it means."""

_SIGNS: Mapping[str, str] = MappingProxyType(
    {"space": "spc", "pagedown": "PgDn", "pageup": "PgUp", "g g": "gg", "escape": "esc", "backspace": "bksp"}
)


def key_sign(key: str) -> str:
    """A key as people read it."""
    return _SIGNS.get(key, key)


def sign_of(id: str) -> str:
    """The key of a command, as people read it; where it has none, how the palette finds it."""
    command = next(each for each in in_force() if each.id == id)
    return key_sign(command.keys[0]) if command.keys else f": {command.title}"


def in_pane(pane: str, *, demo: bool = False) -> list[Command]:
    """The commands of a pane, in the registry's order."""
    return [command for command in in_force() if pane in command.panes and (demo or command.group != "demo")]


def keys_of(pane: str) -> dict[str, Command]:
    """Key -> command, in one pane."""
    return {key: command for command in in_force() if pane in command.panes for key in command.keys}


def shown_in_footer(facts: Facts) -> list[tuple[Command, str]]:
    """The footer's commands in order, each with why it does not apply ("" where it does)."""
    chosen = [command for command in in_pane(facts.pane, demo=facts.demo) if command.footer]
    return [(command, command.why_not(facts)) for command in sorted(chosen, key=lambda c: c.footer)]
