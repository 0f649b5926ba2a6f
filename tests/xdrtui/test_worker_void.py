"""A worker whose sink finds, beside its batches, that what it held is void."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.xdrtui.worker_samples import FakeSource, every, findings, process, rules, run, topic, worker
from xdrtui.errors import Fenced
from xdrtui.pipeline import leaving
from xdrtui.pipeline import worker as worker_module
from xdrtui.pipeline.committer import Committer
from xdrtui.pipeline.process import Process

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
