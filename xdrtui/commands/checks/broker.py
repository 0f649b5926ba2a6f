"""Whether the cluster lets us in, and whether it has the topics that are set.

Nothing is written there and no group is joined.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from xdrtui.commands.checks.check import Check, State
from xdrtui.errors import XdrtuiError
from xdrtui.settings import KafkaSettings

AREA = "broker"
PATIENCE = 30.0
"""Seconds for the whole conversation."""


def check_broker(kafka: KafkaSettings) -> Iterator[Check]:
    """One check for the connection and one for each topic; none where no broker is set."""
    if not kafka.brokers:
        return
    from xdrtui.sources.broker import BrokerReport, ask_broker, connection

    async def ask() -> BrokerReport:
        async with asyncio.timeout(PATIENCE):
            return await ask_broker(connection(kafka))

    name = ", ".join(kafka.brokers)
    try:
        report = asyncio.run(ask())
    except TimeoutError:
        todo = "check that the brokers it names to clients can be reached from here"
        yield Check(AREA, name, State.BROKEN, f"does not finish answering within {PATIENCE:.0f} s", todo)
        return
    except XdrtuiError as error:
        yield Check(AREA, name, State.BROKEN, *_split(str(error)))
        return
    seen = f"cluster {report.cluster or 'without a name'}, {len(report.brokers)} brokers"
    yield Check(AREA, name, State.FINE, seen)
    for topic in kafka.topics:
        if topic in report.topics:
            yield Check(AREA, topic, State.FINE, f"{report.topics[topic]} partitions")
        else:
            seen = "no such topic, or no right to see it"
            yield Check(AREA, topic, State.BROKEN, seen, "check `kafka.topics` and the topic's ACL")


def _split(sentence: str) -> tuple[str, str]:
    """What is wrong, and what to do: an error's sentence says both, around its last colon."""
    seen, colon, todo = sentence.rpartition(": ")
    return (seen, todo.rstrip(".")) if colon else (sentence, "")
