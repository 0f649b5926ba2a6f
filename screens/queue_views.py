"""Menus of the queue: how it is sorted, and which saved view of it is shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from screens.menu import Choice
from screens.sanitise import cut, sanitise

if TYPE_CHECKING:
    from screens.workbench import Workbench
    from xdrtui.triage.desk import Desk
    from xdrtui.triage.views import View

SORTS = (
    ("s", "severity", "severity: open first, the gravest on top, then the latest"),
    ("n", "newest", "newest: what was seen last on top"),
    ("o", "oldest", "oldest: what is open longest on top"),
    ("h", "host", "host"),
    ("u", "user", "user"),
    ("r", "rule", "rule"),
    ("c", "count", "count: most findings on top"),
    ("w", "owner", "owner: nobody's last"),
)
_KEYS = "1234567890abcdefgijkmnoprstuvwxyz"


def ask_sort(bench: Workbench) -> None:
    """Ask for an order."""
    choices = [Choice(key, text, partial(bench.queue.sort, order)) for key, order, text in SORTS]
    bench.asking.menu(f"Sort the queue by (now {bench.queue.order})", choices)


def ask_views(bench: Workbench) -> None:
    """Ask for a view, built in or kept, or for a name to keep the present one under."""
    bench.asking.prepare(partial(_ask_views, bench))


async def _ask_views(bench: Workbench) -> None:
    from xdrtui.errors import XdrtuiError
    from xdrtui.triage.views import BUILT_IN

    try:
        own = await bench.services.desks.read(lambda desk: desk.views.own())
    except XdrtuiError as error:
        bench.say(str(error), "bad")
        return
    room = max(4, bench.size.height - 8)  # the menu must leave the queue in sight
    views = [*BUILT_IN, *own][: room - 2]
    choices = [
        Choice(key, _in_words(view), partial(bench.queue.take_view, view.text, view.order))
        for key, view in zip(_KEYS, views, strict=False)
    ]
    if not bench.services.readonly:
        choices.append(Choice("+", "keep this filter and order as a view", partial(_ask_name, bench)))
        if own:
            choices.append(Choice("-", "drop one of yours", partial(_ask_drop, bench, own)))
    bench.asking.menu("Views of the queue", choices)


def _in_words(view: View) -> str:
    by = "" if view.order == "severity" else f", by {view.order}"
    return f"{sanitise(view.name, 40):<14} {cut(sanitise(view.text, 200) or 'all alerts', 48)}{by}"


def _ask_name(bench: Workbench) -> None:
    text, order = bench.queue.query_text, bench.queue.order

    def keep(name: str) -> None:
        from xdrtui.triage.views import View

        _write(
            bench, lambda desk: desk.views.keep(View(name, text, order)), f"kept as the view {name.strip()}"
        )

    bench.asking.text("name of this view", "", keep)


def _ask_drop(bench: Workbench, own: list[View]) -> None:
    choices = [
        Choice(
            key, _in_words(view), partial(_write, bench, partial(_drop, view.name), f"dropped {view.name}")
        )
        for key, view in zip(_KEYS, own[:10], strict=False)
    ]
    bench.asking.menu("Drop which view?", choices)


def _drop(name: str, desk: Desk) -> None:
    desk.views.drop(name)


def _write(bench: Workbench, deed: Callable[[Desk], object], said: str) -> None:
    async def work() -> None:
        from xdrtui.errors import XdrtuiError

        try:
            await bench.services.desks.act(deed)
        except XdrtuiError as error:
            bench.say(str(error), "bad")
        else:
            bench.say(sanitise(said, 80), "good")

    bench.start(work)
