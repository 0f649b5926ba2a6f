"""A fleet on recorded data: workers as programs, the fold, and all that two workbenches must have in common.

As a program it is a fleet's worker that works until the end of the topic (`python -m tests.kafka.fleet work
BROKER TOPIC GROUP FINDINGS`), a fold that reads to the end (`fold DIRECTORY BROKER FINDINGS`), or writes or
takes a snapshot (`write_snapshot DIRECTORY FILE`, `start_from DIRECTORY FILE`).
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from xdrtui.pipeline.fleet_run import run_fold
from xdrtui.pipeline.fleet_snapshot import start_from, write_snapshot
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import Rulebook, load_rulebook
from xdrtui.pipeline.worker import Summary, run_worker
from xdrtui.settings.model import KafkaSettings
from xdrtui.store.export import export_alerts
from xdrtui.store.identity import canonical
from xdrtui.store.store import Store

TABLES = {
    "findings": "rule, source, partition, offset, idx, alert, time, window_time, quality, ingest, event_type,"
    " level, host, user, grp, window, entities, captures, summary, hex(event_hash), rule_hash, feeds, muted",
    "dead_letters": "source, partition, offset, idx, reason, hex(payload), size, ingest",
    "counts": "name, n",
    "presence": "event_type, host, field, n, last, events",
    "positions": "source, partition, next_offset, hex(anchor), watermark, generation, idle",
    "sources": "uid, name, kind, layout",
    "health": "key, kind, text, first_at, last_at, n, cleared",
    "fleet_pieces": 'source, partition, start, "end", hex(tally)',
    "fleet_ended": "source, partition",
}
"""What two folds of one topic must have in common, whenever they read; alerts and evidence come beside it."""


def settings(bootstrap: str, topic: str, group: str, findings: str) -> KafkaSettings:
    return KafkaSettings(
        brokers=[bootstrap],
        topics=[topic],
        replay_topics=[topic],
        group=group,
        start="earliest",
        mode="fleet",
        findings_topic=findings,
    )


def work(bootstrap: str, topic: str, group: str, findings: str, book: Rulebook | None = None) -> Summary:
    process = Process(book or load_rulebook())
    return run_worker(Path(), settings(bootstrap, topic, group, findings), process, until_end=True)


def fold(directory: Path, bootstrap: str, findings: str, book: Rulebook | None = None) -> Summary:
    process = Process(book or load_rulebook())
    return run_fold(directory, settings(bootstrap, "unread", "", findings), process, until_end=True)


def start(
    bootstrap: str, topic: str, group: str, findings: str, environ: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """A worker in a process of its own."""
    return program("work", bootstrap, topic, group, findings, environ=environ)


def program(*arguments: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """One of the things that this module is as a program."""
    command = [sys.executable, "-m", "tests.kafka.fleet", *arguments]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=dict(environ) if environ else None
    )


def ended(processes: Sequence[subprocess.Popen[bytes]], seconds: float = 90.0) -> list[str]:
    """Wait for workers; what each that failed said."""
    until = time.monotonic() + seconds
    failed = []
    for process in processes:
        try:
            out, _ = process.communicate(timeout=max(1.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            out, _ = process.communicate()
            failed.append("took too long: " + out.decode())
            continue
        if process.returncode:
            failed.append(out.decode())
    return failed


def dump(directory: Path) -> Iterator[str]:
    """Everything of a workbench that must not depend on when it read."""
    with Store.open(directory, readonly=True) as store:
        yield from export_alerts(store.connection)
        for table, columns in TABLES.items():
            for row in store.connection.execute(f"SELECT {columns} FROM {table} ORDER BY {columns}"):
                yield f"{table} {canonical(row)}"


def main() -> None:
    what, *arguments = sys.argv[1:]
    if what == "work":
        bootstrap, topic, group, findings = arguments
        work(bootstrap, topic, group, findings)
    elif what == "fold":
        directory, bootstrap, findings = arguments
        fold(Path(directory), bootstrap, findings)
    else:
        act = {"write_snapshot": write_snapshot, "start_from": start_from}[what]
        act(*map(Path, arguments))


if __name__ == "__main__":
    main()
