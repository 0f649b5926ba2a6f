"""A worker that is made to be killed: rules that meet every event, deaths at named points, honest fsync.

`work` is what a child process of the forkserver runs: rules are read once, when the server imports this, so
that a worker is at work within a tenth of a second. What was really fsynced is noted by the process itself:
see `Synced`. The messages are a function of their number alone.
"""

from __future__ import annotations

import faulthandler
import json
import os
import stat
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

from detectors.sigma.cache import Cache
from tests.kafka import wal
from xdrtui import points
from xdrtui.pipeline import archiving
from xdrtui.pipeline.committer import STORE_ID, Committer
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import Rulebook, load_rulebook
from xdrtui.pipeline.worker import run_worker
from xdrtui.settings.model import ArchiveSettings, KafkaSettings
from xdrtui.sources import consumer
from xdrtui.store import workers
from xdrtui.store.archive import roll, writer

START = 1_700_000_000
SESSION_MS = 1_000
PARTITIONS = 3

EVERY_CONNECTION = "6a4e0c3e-0b7a-4d0b-8d6b-00000000c001"
EVERY_CALL = "6a4e0c3e-0b7a-4d0b-8d6b-00000000c002"
RULES = f"""
title: Every connection
id: {EVERY_CONNECTION}
level: informational
logsource: {{product: zeek, service: conn}}
detection: {{selection: {{uid|exists: true}}, condition: selection}}
---
title: Every call
id: {EVERY_CALL}
level: informational
logsource: {{product: aws, service: cloudtrail}}
detection: {{selection: {{eventName|exists: true}}, condition: selection}}
---
title: A bad word
name: bad_word
id: 6a4e0c3e-0b7a-4d0b-8d6b-00000000c003
level: high
logsource: {{product: zeek, service: conn}}
detection: {{selection: {{uid: bad}}, condition: selection}}
---
title: Many bad words from one address
id: 6a4e0c3e-0b7a-4d0b-8d6b-00000000c004
level: critical
correlation:
  type: event_count
  rules: [bad_word]
  group-by: [id.orig_h]
  timespan: 2m
  condition: {{gte: 3}}
"""


def message(number: int) -> bytes:
    """A connection; now and then a bad one, a CloudTrail message of three events, or what nobody can read."""
    if number % 17 == 5:
        return b'{"_path":"conn","uid":%d' % number + b"\xff" * 3
    if number % 11 == 3:
        record: dict[str, Any] = {
            "eventVersion": "1.08",
            "eventTime": "2023-11-14T22:13:20Z",
            "eventSource": "iam.amazonaws.com",
            "awsRegion": "eu-west-1",
            "userIdentity": {"arn": f"arn:aws:iam::1:user/{number % 4}"},
        }
        calls = [record | {"eventName": f"Get{number}x{each}", "eventID": f"{number}"} for each in range(3)]
        return json.dumps({"Records": calls}).encode()
    return json.dumps(
        {
            "_path": "conn",
            "ts": START + number / 4,
            "uid": "bad" if number % 7 == 0 else f"C{number}",
            "id.orig_h": f"10.0.0.{number % 5}",
            "id.resp_p": 443,
        }
    ).encode()


def rulebook() -> Rulebook:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rules.yml").write_text(RULES)
        return load_rulebook([folder], cache=Cache(None))


RULEBOOK = rulebook() if __name__ != "__main__" else None


class Order(msgspec.Struct, frozen=True):
    """What a worker is to do. point: as in XDRTUI_POINT, or empty; group: empty reads without one;
    dead_letters: topic for them, empty for none."""

    directory: str
    bootstrap: str
    topic: str
    group: str = ""
    point: str = ""
    until_end: bool = False
    dead_letters: str = ""


def work(order: Order) -> None:
    """Run a worker in this process, until it is killed or has read all."""
    speak_into(Path(order.directory).parent / "said")
    arm(order.point)
    folder = Path(order.directory).parent / "synced"
    folder.mkdir(exist_ok=True)
    os.fsync = Synced(folder / f"{os.getpid()}.jsonl")  # type: ignore[assignment]
    consumer.SESSION_MS = SESSION_MS
    writer.SEAL_ROWS, archiving.ROUND_SECONDS = 400, 0.2  # so that segments are rolled meanwhile...
    roll.MERGE_AT = 3  # ...and their files merged
    assert roll.roll.__kwdefaults__ is not None
    roll.roll.__kwdefaults__["few"] = 50
    swap = roll.swap

    def swap_noted(*arguments: Any) -> None:
        swap(*arguments)
        wal.note(Path(order.directory), folder)

    roll.swap = swap_noted  # type: ignore[assignment]
    named = Committer._own_id

    def named_noted(committer: Committer) -> str:
        known = workers.note(committer.store.connection, STORE_ID)
        id = named(committer)
        if not known:
            wal.note(Path(order.directory), folder)
        return id

    Committer._own_id = named_noted  # type: ignore[method-assign]
    settings = KafkaSettings(
        brokers=[order.bootstrap],
        topics=[order.topic],
        group=order.group,
        start="earliest",
        dead_letter_topic=order.dead_letters,
    )
    assert RULEBOOK is not None
    summary = run_worker(
        Path(order.directory),
        settings,
        Process(RULEBOOK),
        until_end=order.until_end,
        archive=ArchiveSettings(),
    )
    if summary.faults:
        sys.exit(str(summary.faults))


def speak_into(folder: Path) -> None:
    """Let all that this process says go to a file of its own: see `said`."""
    folder.mkdir(exist_ok=True)
    file = os.open(folder / f"{os.getpid()}.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(file, 2)
    faulthandler.enable(2)


def said(folder: Path, pid: int | None) -> str:
    """What a worker said on its standard error."""
    path = folder / "said" / f"{pid}.txt"
    return path.read_text(errors="replace") if path.exists() else ""


def arm(point: str) -> None:
    """What the environment does at a start, done here after the modules were imported by the forkserver."""
    if point:
        unarmed, armed = points.reach, points.Armed(point)
        for module in list(sys.modules.values()):
            if getattr(module, "reach", None) is unarmed:
                module.reach = armed  # type: ignore[attr-defined]


class Synced:
    """Stands for os.fsync: does it, then notes which file is on the disk up to where, and of a folder which
    names are. By name: a new file may have the number of one that is gone."""

    def __init__(self, notes: Path) -> None:
        self.notes = notes
        self.fsync = os.fsync

    def __call__(self, descriptor: Any) -> None:
        number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
        there = os.fstat(number)  # before: what comes meanwhile may not be on the disk
        names = [each.name for each in os.scandir(number)] if stat.S_ISDIR(there.st_mode) else []
        name = Path(f"/proc/self/fd/{number}").readlink().name.removesuffix(".new")
        self.fsync(number)
        with self.notes.open("a") as notes:
            notes.write(json.dumps([time.monotonic(), name, there.st_size, names]) + "\n")


def synced(folder: Path) -> tuple[dict[str, int], set[str]]:
    """What the processes noted: file (without `.new`) -> bytes that are on the disk; and names that are."""
    lines = [line for notes in folder.glob("*.jsonl") for line in notes.read_text().splitlines()]
    notes = sorted(map(json.loads, lines))
    return {name: size for _, name, size, _ in notes}, {name for *_, names in notes for name in names}
