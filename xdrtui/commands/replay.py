"""`xdrtui replay PATH --to kafka|tui`: recorded events again, in their own time times a factor.

Playing is `sources.replay`'s; what it sends to Kafka a worker reads as it reads anything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from xdrtui.commands.output import Progress, say, time_text
from xdrtui.commands.session import Session, pass_session
from xdrtui.errors import SettingsError, SourceError
from xdrtui.plain import counted

if TYPE_CHECKING:
    from xdrtui.sources.replay import Sent


@click.command("replay", short_help="Send recorded events to Kafka or to the screen, in their own time.")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--to", "target", type=click.Choice(["kafka", "tui"]), required=True, help="Where to.")
@click.option(
    "--speed",
    type=click.FloatRange(0),
    default=1.0,
    show_default=True,
    help="How many times as fast as it happened; 0 is as fast as it goes.",
)
@click.option("--topic", metavar="TOPIC", help="Topic to send to; else the first of kafka.replay_topics.")
@pass_session
def command(session: Session, paths: tuple[str, ...], target: str, speed: float, topic: str | None) -> None:
    """Send the events at PATH to a topic of the profile, or to the screen.

    They bring their own clock, which is believed only in topics that are listed under kafka.replay_topics.
    """
    if target == "tui":
        if session.screen is None:
            raise SourceError("there is no screen here: use the command xdrtui, or --to kafka.")
        raise click.exceptions.Exit(session.screen.open_replay(session, paths, speed))
    kafka = session.settings.kafka
    topic = topic or next(iter(kafka.replay_topics), None)
    if topic is None:
        raise SettingsError(
            "no topic is set for recorded events: add one under kafka.replay_topics, or say --topic TOPIC."
        )
    if topic not in kafka.replay_topics:
        say(f"Note: {topic} is not under kafka.replay_topics, so workers will not believe the events' clock.")
    from xdrtui.sources.replay import run_replay

    progress = Progress("messages")
    faults: list[SourceError] = []
    messages = 0

    def on_progress(sent: Sent, now: int) -> None:
        nonlocal messages
        messages = sent.messages
        progress.update(0, None, sent.messages, time_text(now))

    interrupted = False
    try:
        sent = run_replay(paths, kafka, topic, speed=speed, progress=on_progress, report=faults.append)
        messages = sent.messages
    except KeyboardInterrupt:
        interrupted = True
    progress.clear()
    for fault in faults:
        say(f"not read, or not to its end: {fault}")
    say(f"{counted(messages, 'message')} to {topic}.")
    if interrupted:
        say("Interrupted: the rest was not sent.")
    if interrupted or faults:
        raise click.exceptions.Exit(1)
