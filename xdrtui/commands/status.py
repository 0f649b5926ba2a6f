"""`xdrtui status`: how the workers of a workspace do, what is not well, what happened that somebody must see.

A fault ends with its cause. What happened (a gap, a topic made anew) stays until somebody has seen it and
dismisses it: that is written to the ledger, with who it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import click
import msgspec

from xdrtui.commands.alerts import open_desk
from xdrtui.commands.output import print_json, say, time_text
from xdrtui.commands.session import Session, pass_session
from xdrtui.errors import ActionRefused
from xdrtui.plain import visible

if TYPE_CHECKING:
    from xdrtui.store.workers import Fault
    from xdrtui.triage.rows import Status, WorkerStatus

FINE, FAULT, HAPPENED, OVER = "fine", "fault", "happened", "over"


@click.command("status", short_help="How the workers do, what is not well, and what happened.")
@click.option("--all", "every", is_flag=True, help="Also what is over, or was dismissed.")
@click.option("--dismiss", "numbers", multiple=True, type=click.IntRange(1), metavar="NUMBER",
              help="You have seen what happened: take it off the red line, for everybody here.")  # fmt: skip
@click.option("--dismiss-all", "dismiss_all", is_flag=True, help="The same for all that happened.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@pass_session
def command(session: Session, every: bool, numbers: tuple[int, ...], dismiss_all: bool, form: str) -> None:
    """Tell how the workers on this workspace do, and what is not well.

    Exit code 1 where something is not well now: a fault, a worker that fell silent without having ended, a
    fleet that nobody folds.
    What only happened is numbered, and waits to be dismissed.
    """
    if numbers or dismiss_all:
        _dismiss(session, numbers)
        return
    with open_desk(session) as desk:
        status = desk.status()
        over = [fault for fault in desk.faults_over() if every]
    if form == "json":
        print_json(msgspec.to_builtins(status) | {"over": msgspec.to_builtins(over)})
    else:
        for line in describe(status, over):
            click.echo(visible(line))
    silent = status.unheard or any(not worker.alive for worker in status.workers)
    if silent or any(not fault.happened for fault in status.faults):
        raise click.exceptions.Exit(1)


def _dismiss(session: Session, numbers: Sequence[int]) -> None:
    with open_desk(session, readonly=False) as desk:
        happened = [fault for fault in desk.status().faults if fault.happened]
        if not happened:
            raise ActionRefused("nothing waits to be dismissed: faults end with their cause")
        for number in numbers:
            if number not in [fault.number for fault in happened]:
                raise ActionRefused(f"there is no number {number}: `xdrtui status` shows those that wait")
        chosen = [fault for fault in happened if not numbers or fault.number in numbers]
        gone = desk.dismiss([fault.key for fault in chosen])
    say(f"Dismissed: {gone} of {len(happened)}.")


def describe(status: Status, over: Sequence[Fault]) -> Iterator[str]:
    """The status as lines."""
    yield status.sentence
    for worker in status.workers:
        yield f"  {_worker(worker)}"
    if status.paused:
        yield "  paused: nothing is read until `xdrtui resume`"
    waiting = f", {status.unfolded:,} findings not yet in alerts" if status.unfolded else ""
    yield f"  {status.dead:,} dead letters{waiting}"
    for fault in status.faults:
        if not fault.happened:
            yield f"! since {_when(fault.first_at)}: {fault.text}"
    happened = [fault for fault in status.faults if fault.happened]
    for fault in happened:
        times = f", {fault.n} times" if fault.n > 1 else ""
        yield f"{fault.number:>3} happened {_when(fault.last_at)}{times}: {fault.text}"
    if happened:
        yield "    seen? `xdrtui status --dismiss NUMBER`, or --dismiss-all"
    for fault in over:
        yield f"  - {'dismissed' if fault.happened else 'over since'} {_when(fault.cleared)}: {fault.text}"


def _worker(worker: WorkerStatus) -> str:
    state = "paused" if worker.paused else f"{worker.events_per_second:,.0f} events/s"
    if not worker.alive:
        return f"{worker.worker} on {worker.machine} (process {worker.pid}): silent for {worker.age:,.0f} s"
    waits = f"{worker.waiting:,} waiting" + (f", {worker.lag:,.1f} s behind" if worker.lag else "")
    if worker.catch_up and worker.waiting:
        waits += f", caught up in {worker.catch_up:,.0f} s"
    return f"{worker.worker} on {worker.machine} (process {worker.pid}): {state}, {waits}"


def _when(moment: int) -> str:
    return time_text(moment) if moment else "unknown"
