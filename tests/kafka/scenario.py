"""The same recorded data by three ways into a store: read as files, through Kafka, through a killed worker.

As a program (`python -m tests.kafka.scenario STORE BROKER TOPIC`) it is a worker that works until the end,
without a group, so that the next one need not wait until Kafka has noticed a kill.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from xdrtui.events.times import ReplayClock
from xdrtui.pipeline.correlator import Correlator
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.pipeline.worker import Summary, run_worker
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.files import open_files
from xdrtui.store.export import export_alerts
from xdrtui.store.store import Store


def scan_into(directory: Path, paths: Sequence[Path]) -> list[str]:
    """Read the files into a store; return its alerts, in one spelling."""
    process = Process(load_rulebook())
    with Store.open(directory) as store:
        store.set_rules(process.rulebook.rows())
        correlator = Correlator(store, process.rulebook.correlations, muted=process.rulebook.muted)
        clocks: dict[str, ReplayClock] = {}
        for messages in open_files(paths):
            result = process.run(messages, clocks.setdefault(messages.source.name, ReplayClock()))
            store.commit_batch(result)
            correlator.fold(decide=False)
        correlator.finish()
        return list(export_alerts(store.connection))


def work(directory: Path, bootstrap: str, topic: str, group: str = "") -> Summary:
    settings = KafkaSettings(
        brokers=[bootstrap], topics=[topic], replay_topics=[topic], group=group, start="earliest"
    )
    return run_worker(directory, settings, Process(load_rulebook()), until_end=True)


def alerts_of(directory: Path) -> list[str]:
    with Store.open(directory, readonly=True) as store:
        return list(export_alerts(store.connection))


def main() -> None:
    directory, bootstrap, topic = sys.argv[1:]
    summary = work(Path(directory), bootstrap, topic)
    print(msgspec.json.encode(summary).decode())


if __name__ == "__main__":
    main()
