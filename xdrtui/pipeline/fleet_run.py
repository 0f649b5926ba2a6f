"""Fold a fleet's findings into a workspace: a worker whose topic is the findings topic."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

from xdrtui.pipeline.fleet_fold import FoldSink
from xdrtui.pipeline.fleet_topic import prepare_topic
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.reload import RuleWatch
from xdrtui.pipeline.worker import Progress, Summary, Worker
from xdrtui.settings.model import KafkaSettings
from xdrtui.sources.broker import connection


def run_fold(
    directory: Path,
    settings: KafkaSettings,
    process: Process,
    *,
    until_end: bool = False,
    stop: Callable[[], bool] | None = None,
    progress: Progress | None = None,
    clock: Callable[[], int] = time.time_ns,
    rules: RuleWatch | None = None,
) -> Summary:
    """Fold until a signal, until `stop` says so, or until all that is in the findings topic now was read.

    process: its rulebook says which correlations count and how rules are called; nothing is detected. The
    arguments are those of `run_worker`. Raises BrokerError, SettingsError, StoreError.
    """
    asyncio.run(prepare_topic(connection(settings), settings.findings_topic, create=True))
    reading = settings.model_copy(
        update={
            "topics": [settings.findings_topic],
            "replay_topics": [],
            "layouts": {},
            "group": "",
            "start": "earliest",
        }
    )
    worker = Worker(
        directory,
        reading,
        process,
        until_end=until_end,
        stop=stop,
        progress=progress,
        clock=clock,
        rules=rules,
        open_sink=lambda _: FoldSink(directory, settings.findings_topic, process, clock=clock),
    )
    return asyncio.run(worker.run())
