"""`xdrtui pause` and `xdrtui resume`: let the profile's workers fetch nothing for a while, and go on.

Workers stay in their group and say what waits; nothing is lost. A local worker is asked in the workspace,
a fleet's workers, wherever they run, through the topic of orders.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from xdrtui.commands.output import say
from xdrtui.commands.session import Session, pass_session
from xdrtui.errors import StoreError
from xdrtui.plain import visible

if TYPE_CHECKING:
    from xdrtui.store.store import Store
    from xdrtui.store.workers import Heartbeat

WAIT_SECONDS = 10.0
FRESH = 5_000_000_000

_here = click.option(
    "--fold", "here", is_flag=True, help="Of a fleet: not its workers, only the fold of this workspace."
)


@click.command("pause", short_help="Let the workers fetch nothing for a while.")
@_here
@pass_session
def command(session: Session, here: bool) -> None:
    """Let the profile's workers fetch nothing until `xdrtui resume`, also those that start later.

    They stay in their group, and `xdrtui status` shows what waits. With kafka.mode: fleet this pauses all
    workers of the group, on whatever machine, and every workbench says who did it.
    """
    _order(session, here, paused=True)


@click.command("resume", short_help="Let paused workers go on.")
@_here
@pass_session
def resume(session: Session, here: bool) -> None:
    """Let the profile's workers go on where they stood when they were paused."""
    _order(session, here, paused=False)


def _order(session: Session, here: bool, *, paused: bool) -> None:
    settings = session.settings
    fleet = settings.kafka.mode == "fleet"
    if here and not fleet:
        raise click.UsageError("--fold is for profiles with kafka.mode: fleet.")
    if fleet and not here:
        _tell_fleet(session, paused)
        return
    from xdrtui.pipeline.committer import PAUSE
    from xdrtui.store import workers
    from xdrtui.store.place import DATABASE
    from xdrtui.store.store import Store

    if not (settings.workspace / DATABASE).exists():
        raise StoreError(f"nothing is stored in {settings.workspace} yet, so no worker has run there.")
    with Store.open(settings.workspace) as store:
        with store.transaction():
            workers.set_control(store.connection, PAUSE, "1" if paused else "")
        done = _wait(store, "fold" if here else "worker", paused)
    word = "paused" if paused else "going on"
    if not done:
        say(f"No worker runs on {settings.workspace}; one that starts " + ("waits." if paused else "reads."))
    for beat in done:
        waits = f", {beat.figures.get('lag', 0):,.0f} waiting" if paused else ""
        told = bool(beat.figures.get("paused")) == paused
        say(f"{visible(beat.worker)}: " + (word + waits if told else "told, but busy with a batch") + ".")


def _wait(store: Store, kind: str, paused: bool) -> Sequence[Heartbeat]:
    """The workers at work, as soon as all of them do what they were told, or after a while."""
    from xdrtui.store import workers

    until = time.monotonic() + WAIT_SECONDS
    while True:
        now = store.clock()
        beats = [
            each
            for each in workers.heartbeats(store.connection)
            if each.kind == kind and now - each.at < FRESH
        ]
        obeyed = all(bool(each.figures.get("paused")) == paused for each in beats)
        if obeyed or time.monotonic() > until:
            return beats
        time.sleep(0.1)


def _tell_fleet(session: Session, paused: bool) -> None:
    import asyncio

    from xdrtui.commands.alerts import me
    from xdrtui.errors import SettingsError
    from xdrtui.pipeline.fleet_control import Order, control_topic, send_order
    from xdrtui.sources.broker import connection

    kafka = session.settings.kafka
    if not kafka.group:
        raise SettingsError("a fleet shares its topics by a consumer group: set kafka.group.")
    actor = me()
    order = Order(paused, f"{actor.name} on {actor.device}"[:200], time.time_ns())
    asyncio.run(send_order(connection(kafka), control_topic(kafka.findings_topic), kafka.group, order))
    what = "pause" if paused else "go on"
    say(f"The workers of the group {visible(kafka.group)} {what} within seconds: see `xdrtui status`.")
