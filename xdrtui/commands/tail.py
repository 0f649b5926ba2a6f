"""`xdrtui tail`: what goes by in topics, without reading along as a worker does.

Reading is `pipeline.tail`'s; here rows become lines, made harmless.
"""

from __future__ import annotations

import time

import click

from xdrtui.commands.output import print_json, say, time_iso, time_text
from xdrtui.commands.session import Session, pass_session
from xdrtui.errors import SettingsError
from xdrtui.plain import counted, visible

_POLL = 0.25


@click.command("tail", short_help="Watch a topic go by, without a worker and without storing anything.")
@click.argument("topics", nargs=-1, metavar="[TOPIC...]")
@click.option(
    "--filter", "words", multiple=True, metavar="TEXT", help="Only what fits this, written as for `hunt`."
)
@click.option("--last", type=click.IntRange(0, 100_000), default=0, help="Begin so many messages back.")
@click.option(
    "--rate",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    help="Show so many rows a second.",
)
@click.option("--seconds", type=click.FloatRange(0), default=0.0, help="Stop after so long; 0: at Ctrl-C.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="One line, or one object, a row.",
)
@pass_session
def command(
    session: Session,
    topics: tuple[str, ...],
    words: tuple[str, ...],
    last: int,
    rate: int,
    seconds: float,
    form: str,
) -> None:
    """Show the events of the profile's topics, or of these, as they come in.

    It begins at the end of each topic however far a worker is behind, joins no group, detects and stores
    nothing. Where more comes in than --rate, a sample is shown; the counts at the end are of everything.
    """
    kafka = session.settings.kafka
    if not kafka.brokers or not (topics or kafka.topics):
        raise SettingsError("there is no broker or no topic to watch: see `xdrtui help kafka`.")
    from xdrtui.pipeline.tail import Tail

    tail = Tail(kafka, topics, query=" ".join(words), last=last, rows_a_second=rate, cap=max(5_000, last))
    tail.start()
    until = time.monotonic() + seconds if seconds else float("inf")
    shown, fault = 0, ""
    try:
        while time.monotonic() < until:
            for row in tail.after(shown, 10_000):
                shown = row.id
                _print(row.time, row.event_type, row.host, row.user, row.summary, form)
            if tail.fault != fault:
                fault = tail.fault
                say(fault or "reading again.")
            time.sleep(_POLL)
    except KeyboardInterrupt:
        pass
    finally:
        tail.close()
    counts = tail.counts()
    left_out = f", {counts.sampled_out:,} not shown (--rate)" if counts.sampled_out else ""
    skipped = f", {counts.skipped:,} skipped" if counts.skipped else ""
    say(f"{counted(counts.received, 'message')}, {counts.matched:,} matched{left_out}{skipped}.")


def _print(at: int, event_type: str, host: str, user: str, summary: str, form: str) -> None:
    if form == "json":
        print_json(
            {"time": time_iso(at), "event_type": event_type, "host": host, "user": user, "summary": summary}
        )
        return
    parts = (time_text(at), visible(event_type), visible(host or "-"), visible(summary))
    click.echo("  ".join(parts))
