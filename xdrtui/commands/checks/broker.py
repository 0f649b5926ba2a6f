"""Whether the cluster lets us in and has the topics that are set: what `xdrtui kafka check` tries.

Nothing is written there and no group is joined.
"""

from __future__ import annotations

from collections.abc import Iterator

from xdrtui.commands.checks.check import Check, State
from xdrtui.settings import KafkaSettings

AREA = "broker"


def check_broker(kafka: KafkaSettings) -> Iterator[Check]:
    """One check for each step; none where no broker is set."""
    if not kafka.brokers:
        return
    from xdrtui.sources.check import check

    for step in check(kafka):
        fine = State.LIMITED if step.advice else State.FINE
        yield Check(AREA, step.name, fine if step.ok else State.BROKEN, step.what, step.advice)
