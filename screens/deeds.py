"""Commands that the workbench does itself, wherever one is: a function each, found by the command's id."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from screens.alert_view import view_of
from screens.commands import (
    ALERT,
    HANDOVER,
    HELP,
    LIVE,
    MANUAL,
    PANES,
    QUEUE,
    SINCE,
    Command,
)
from screens.demo import Hints
from screens.finding import entries_of, read_page, search
from screens.look import Look
from screens.menu import Choice
from screens.palette import Palette
from screens.queue_views import ask_sort, ask_views
from screens.sanitise import cut
from screens.themes import CHOICES

if TYPE_CHECKING:
    from screens.workbench import Workbench
    from xdrtui.triage.desk import Desk

_hints = Hints()


def deed(bench: Workbench, command: Command) -> Callable[[], object] | None:
    """What the workbench does for this command."""
    found = DEEDS.get(command.id)
    return None if found is None else lambda: found(bench)


def _next_alert(bench: Workbench, step: int) -> None:
    """On the page: the next alert of the line, then the next line's; in the queue: the next line."""
    if bench.current == ALERT and bench.alert.id_wanted:
        bench.walk.step(step)
    else:
        bench.queue.table.move(step)


def _other_pane(bench: Workbench) -> None:
    bench.open_pane(ALERT if bench.current == QUEUE else QUEUE)


def _memo(bench: Workbench) -> None:
    """A memo stands with one alert: that of the page, or the newest of the line, whatever is marked."""
    targets = bench.alert.targets() if bench.current == ALERT else bench.queue.targets_here()
    newest = f"memo on the newest of {targets.count}" if targets.count > 1 else "memo"
    if targets.first:
        bench.judging.memo(targets.first, f"{newest}, not on marks" if bench.facts().marked else newest)


def _suppress(bench: Workbench) -> None:
    rows = (bench.alert.targets() if bench.current == ALERT else bench.queue.targets_here()).rows
    if rows:
        bench.suppressing.suppress(rows[0])


def _give(bench: Workbench) -> None:
    """Hand over what the pane shows; it is opened first, so that nobody gives what they did not see."""
    from screens.shift import HandoverPane

    if isinstance(bench.pane, HandoverPane):
        bench.pane.give()
    else:
        bench.open_pane(HANDOVER)
        bench.say("read it, then hand it over: `:` hand over")


def _dismiss(bench: Workbench) -> None:
    """What the red line shows, and nothing behind it, which nobody has seen."""
    status = bench.watcher.status
    shown = status.faults[0] if status is not None and status.faults else None
    if shown is None or not shown.happened:
        bench.say("nothing waits to be dismissed: faults end with their cause")
        return
    bench.judging.start(lambda desk: desk.dismiss([shown.key]), lambda _: "dismissed: `xdrtui status --all`")


def _open(bench: Workbench) -> None:
    """What stands under the cursor."""
    from screens.paper_pane import ListPane

    if not isinstance(bench.pane, ListPane):
        _open_line(bench)
    elif address := bench.pane.address():
        go_to(bench, address)
    else:
        bench.say("this line names no alert")


def _period(bench: Workbench) -> None:
    from screens.shift import HandoverPane

    if isinstance(bench.pane, HandoverPane):
        bench.handing.period(bench.pane)


def _filter(bench: Workbench) -> None:
    pane = bench.pane
    text = pane.filter_text()
    if bench.current not in (QUEUE, LIVE):
        bench.asking.text("search", text, pane.filtered)
    else:  # a blank at the end: what is typed next is a word of its own
        bench.asking.text("filter", text and text + " ", pane.filtered, pane.refused, assist=pane.assist)


def _zone(bench: Workbench) -> None:
    bench.services.zone.toggle()
    bench.restyle()
    bench.say(f"times are in {bench.services.zone.name(bench.services.now())}")


def _theme(bench: Workbench) -> None:
    look = bench.services.look
    if look.theme not in CHOICES:
        bench.say("NO_COLOR is set, or the terminal has 16 colours: there are no themes")
        return
    names = list(CHOICES)
    theme = names[(names.index(look.theme) + 1) % len(names)]
    bench.services.look = Look(theme, look.ascii_only)
    bench.restyle()
    bench.say(f"theme {theme}: {CHOICES[theme]}")


def _mouse(bench: Workbench) -> None:
    switch = getattr(bench.app, "switch_mouse", None)
    bench.say("the mouse is " + ("on" if switch is not None and switch() else "off"))


def _bandwidth(bench: Workbench) -> None:
    switch = getattr(bench.app, "low_bandwidth", None)
    if switch is not None:
        switch(not bench.services.low_bandwidth)
    bench.watcher.begin()
    bench.restyle()
    on = bench.services.low_bandwidth
    bench.say("low bandwidth: one frame at a time, below 6 KiB/s" if on else "low bandwidth is off")


def _hint(bench: Workbench) -> None:
    targets, demo = bench.targets(), bench.services.demo
    if demo is not None and targets.first:
        bench.say(_hints.next(demo, targets.first), "mark")


def show_report(bench: Workbench, gone: Callable[[float], object] | None = None) -> bool:
    """Open the demo's report, where there is one; gone: told when it is left."""
    from screens.cards import ReportScreen

    text = bench.services.demo.report() if bench.services.demo is not None else ()
    if text:
        bench.app.push_screen(ReportScreen(bench.services.look, text, gone))
    return bool(text)


def show_bare(bench: Workbench) -> None:
    """The pane as bare text, with the mouse given to the terminal."""
    from screens.bare import BareScreen

    bench.app.push_screen(BareScreen(bench.services.look, bench.pane.bare_text()))


def _report(bench: Workbench) -> None:
    if not show_report(bench):
        bench.say("there is nothing to report yet")


def _demo(bench: Workbench, act: str) -> None:
    demo = bench.services.demo
    if demo is None:
        return
    acts = {"pause": demo.pause, "step": demo.step, "faster": demo.faster, "slower": demo.slower}
    bench.say(acts[act]())


def _open_line(bench: Workbench) -> None:
    if bench.queue.current() is not None:
        bench.open_pane(ALERT)


def _copy(bench: Workbench) -> None:
    id = (bench.alert.targets() if bench.current == ALERT else bench.queue.targets_here()).first
    if id:
        bench.asking.prepare(partial(_ask_copy, bench, id))


async def _ask_copy(bench: Workbench, id: str) -> None:
    """What would be copied stands in the menu."""
    from screens.copying import works
    from xdrtui.errors import XdrtuiError

    try:
        row = (await bench.services.desks.read(lambda desk: desk.by_ids([id])))[id]
    except (XdrtuiError, KeyError) as error:
        bench.say(f"nothing can be copied: {error}", "bad")
        return
    choices = [Choice(key, text, partial(_start_copy, bench, id, what)) for key, what, text in works(row)]
    bench.asking.menu("Copy of this alert", choices)


def _start_copy(bench: Workbench, id: str, what: str) -> None:
    bench.start(partial(_copied, bench, id, what))


async def _copied(bench: Workbench, id: str, what: str) -> None:
    from screens.clipboard import copy
    from screens.copying import copied, keep
    from xdrtui.errors import XdrtuiError

    zone = bench.services.zone

    def make(desk: Desk) -> tuple[str, Path]:
        text = copied(what, view_of(desk, id), zone)
        return text, keep(text, desk.directory)

    try:
        text, path = await bench.services.desks.read(make)
    except (XdrtuiError, OSError) as error:
        bench.say(f"nothing was copied: {error}", "bad")
        return
    driver = bench.app._driver
    why = await asyncio.to_thread(copy, text, driver.write if driver is not None else lambda sequence: None)
    first, _, more = text.partition("\n")
    shown = cut(first.replace("\t", " "), 40) + (f" and {len(more.splitlines())} lines more" if more else "")
    bench.say(
        f"{f'not copied, {why}' if why else 'copied'}: {shown} · also in {path}", "bad" if why else "good"
    )


def go_to(bench: Workbench, typed: str) -> None:
    """Open what this address names: a pane, `alert/ID` (the id as far as it is clear), `manual/PAGE`."""
    name, slash, rest = typed.strip().partition("/")
    if name == ALERT and slash:
        bench.start(partial(_go_to_alert, bench, rest))
    elif name == MANUAL and slash:
        read_page(bench, rest)
    elif name in PANES and not slash:
        bench.open_pane(name)
    else:
        bench.say(f"nothing is called {typed!r}: write a pane, alert/ID or manual/PAGE", "bad")


async def _go_to_alert(bench: Workbench, id: str) -> None:
    from xdrtui.errors import XdrtuiError

    try:
        found = await bench.services.desks.read(lambda desk: desk.find(id))
    except XdrtuiError as error:
        bench.say(str(error), "bad")
        return
    bench.open_pane(ALERT)
    bench.alert.show(found, pinned=True)


def _palette(bench: Workbench) -> None:
    found = partial(search, bench)
    bench.asking.palette(Palette(bench.services.look, entries_of(bench), found))


DEEDS: dict[str, Callable[[Workbench], object]] = {
    "pane.queue": lambda bench: bench.open_pane(QUEUE),
    "pane.alert": lambda bench: bench.open_pane(ALERT),
    "pane.live": lambda bench: bench.open_pane(LIVE),
    "help": lambda bench: bench.open_pane(HELP),
    "manual": lambda bench: bench.open_pane(MANUAL),
    "other_pane": _other_pane,
    "next_alert": lambda bench: _next_alert(bench, 1),
    "previous_alert": lambda bench: _next_alert(bench, -1),
    "acknowledge": lambda bench: bench.judging.acknowledge(bench.targets()),
    "investigate": lambda bench: bench.judging.investigate(bench.targets()),
    "close": lambda bench: bench.judging.close(bench.targets()),
    "own": lambda bench: bench.judging.own(bench.targets()),
    "memo": _memo,
    "sort": ask_sort,
    "views": ask_views,
    "assign": lambda bench: bench.judging.assign(bench.targets()),
    "snooze": lambda bench: bench.handing.snooze(bench.targets()),
    "escalate": lambda bench: bench.handing.escalate(bench.targets()),
    "suppress": _suppress,
    "suppressions": lambda bench: bench.suppressing.suppressions(),
    "log": lambda bench: bench.handing.log(),
    "dismiss": _dismiss,
    "since": lambda bench: bench.open_pane(SINCE),
    "handover": lambda bench: bench.open_pane(HANDOVER),
    "give": _give,
    "undo": lambda bench: bench.judging.undo(),
    "redo": lambda bench: bench.judging.redo(),
    "filter": _filter,
    "open": _open,
    "period": _period,
    "copy": _copy,
    "zone": _zone,
    "theme": _theme,
    "mouse": _mouse,
    "bandwidth": _bandwidth,
    "bare": lambda bench: show_bare(bench),
    "palette": _palette,
    "leave": lambda bench: bench.leave(),
    "demo.hint": _hint,
    "demo.report": _report,
    "demo.pause": lambda bench: _demo(bench, "pause"),
    "demo.step": lambda bench: _demo(bench, "step"),
    "demo.faster": lambda bench: _demo(bench, "faster"),
    "demo.slower": lambda bench: _demo(bench, "slower"),
}
