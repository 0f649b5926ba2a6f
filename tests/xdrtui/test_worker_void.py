"""A worker whose sink finds, beside its batches, that what it held is void."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.xdrtui.worker_samples import (
    PREFIX,
    FakeSource,
    every,
    findings,
    process,
    rules,
    run,
    topic,
    worker,
)
from xdrtui.errors import Fenced
from xdrtui.pipeline import leaving
from xdrtui.pipeline import worker as worker_module
from xdrtui.pipeline.committer import Committer
from xdrtui.pipeline.process import Process
from xdrtui.sources.partitions import Fetched
from xdrtui.store.store import Store

__all__ = ["process", "rules"]


@pytest.mark.parametrize("name", ["idle", "held"])
async def test_what_could_not_be_made_safe_before_something_is_told_is_read_again(
    tmp_path: Path, process: Process, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """As where a fleet's findings topic cannot be written for a moment, while it says which partitions are
    idle or left."""
    monkeypatch.setattr(worker_module, "BEAT_SECONDS", 0.01)
    monkeypatch.setattr(leaving, "LOOK_SECONDS", 0.01)
    source = FakeSource(topic(9))
    method, placed = getattr(Committer, name), list[int]()

    def sometimes(self: Committer, *arguments: object) -> object:
        if not placed:
            placed.append(source.number)
            raise Fenced("void")
        return method(self, *arguments)

    monkeypatch.setattr(Committer, name, sometimes)
    await run(worker(tmp_path, process, source))
    assert findings(tmp_path) == every(source) and source.number > placed[0]


async def test_kafka_is_told_of_no_offset_that_is_not_stored_and_of_none_that_is_another_s(
    tmp_path: Path, process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead: list[object] = []

    class Source(FakeSource):
        async def commit(self, done: Sequence[Fetched]) -> None:
            with Store.open(tmp_path, readonly=True) as store:
                stored = store.positions(PREFIX + "0")
            ahead.extend(
                each.messages.partition
                for each in done
                if not self.is_current(each) or stored[each.messages.partition].next_offset < each.next_offset
            )
            await super().commit(done)

    source = Source(topic(20, 7), size=2)
    commit = Committer.commit
    batches: list[int] = []

    def moved(self: Committer, batch: Sequence[Fetched]) -> Sequence[Fetched]:
        safe = commit(self, batch)
        batches.append(len(batch))
        if len(batches) == 2:  # the group has met again while the batch was stored
            source.number += 1
            for partition, mark in self.store.positions(PREFIX + "0").items():
                source.next[partition] = source.stands[partition] = mark.next_offset
        return safe

    monkeypatch.setattr(Committer, "commit", moved)
    await run(worker(tmp_path, process, source))
    assert ahead == []
    assert findings(tmp_path) == every(source)
