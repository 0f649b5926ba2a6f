"""A worker on a full disk: the archive makes room; where there is none left, it says so and stops whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from detectors.sigma.cache import Cache
from tests.xdrtui.archive_samples import SOURCE, START, message, offsets
from xdrtui.errors import StoreFull
from xdrtui.events.message import Messages
from xdrtui.pipeline.committer import Committer
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.settings.model import ArchiveSettings
from xdrtui.sources.partitions import Fetched
from xdrtui.store import workers
from xdrtui.store.archive.retention import RESERVE
from xdrtui.store.batch import BatchResult
from xdrtui.store.store import Committed, Store

RULE = """\
title: A connection
id: 5f7f1f5c-0b5a-4a3e-9d55-00000000bbbb
level: low
logsource: {product: zeek, service: conn}
detection: {selection: {uid|exists: true}, condition: selection}
"""


def committer(tmp_path: Path) -> Committer:
    (tmp_path / "rule.yml").write_text(RULE)
    book = load_rulebook([tmp_path / "rule.yml"], cache=Cache(None))
    return Committer(tmp_path / "store", Process(book), clock=time.time_ns, archive=ArchiveSettings())


def batch(numbers: range) -> Sequence[Fetched]:
    times = [(START + n) * 1_000_000_000 for n in numbers]
    messages = Messages(SOURCE, 0, numbers, [message(n) for n in numbers], times)
    return [Fetched(messages, numbers.start or -1, numbers.stop, b"", 0, 0)]


def full(times: int, commit: Callable[[BatchResult], Committed]) -> Callable[[BatchResult], Committed]:
    left = [times]

    def on_a_full_disk(result: BatchResult) -> Committed:
        if left[0]:
            left[0] -= 1
            raise StoreFull("The disk is full.")
        return commit(result)

    return on_a_full_disk


def test_the_database_gets_the_room_of_the_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = committer(tmp_path)
    worker.commit(batch(range(10)))
    assert offsets(worker.store) == list(range(10))
    assert worker._archive is not None
    worker._archive._writer.seal()
    monkeypatch.setattr(worker.store, "commit_batch", full(1, worker.store.commit_batch))
    worker.commit(batch(range(10, 20)))
    assert worker.totals.messages == 20
    assert offsets(worker.store) == list(range(10, 20))
    worker.close()


def test_a_worker_that_finds_no_room_stops_whole_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = committer(tmp_path)
    worker.commit(batch(range(10)))
    assert (tmp_path / "store" / RESERVE).exists()
    monkeypatch.setattr(worker.store, "commit_batch", full(99, worker.store.commit_batch))
    with pytest.raises(StoreFull):
        worker.commit(batch(range(10, 20)))
    worker.close()
    assert not (tmp_path / "store" / RESERVE).exists()
    with Store.open(tmp_path / "store", readonly=True) as store:
        (fault,) = [each for each in workers.faults(store.connection) if each.kind == "disk"]
        assert "free some space" in fault.text
        assert store.positions(SOURCE.uid)[0].next_offset == 10
    monkeypatch.undo()
    again = committer(tmp_path)
    again.commit(batch(range(10, 20)))
    again.heartbeat({}, {})
    assert (tmp_path / "store" / RESERVE).exists()
    assert workers.faults(again.store.connection) == []
    assert again.store.positions(SOURCE.uid)[0].next_offset == 20
    again.close()


def test_events_that_were_fenced_off_are_not_archived(tmp_path: Path) -> None:
    worker = committer(tmp_path)
    worker.commit(batch(range(10)))
    with pytest.raises(Exception, match="stands at 10"):
        worker.commit(batch(range(5, 15)))
    worker.commit(batch(range(10, 12)))
    assert offsets(worker.store) == list(range(12))
    worker.close()
