"""What a worker does about its memory: before Polars is there, and for large events."""

import subprocess
import sys
from typing import cast

from detectors.contract import EventFrame, EventType, Text
from xdrtui.events.frame import DecodedFrame
from xdrtui.pipeline.committer import _live_row

RUN = """
import os, sys
from xdrtui.pipeline import memory
import xdrtui.commands.run
assert "polars" not in sys.modules, "what is set now would come too late"
memory.keep_pages()
print(os.environ["_RJEM_MALLOC_CONF"])
"""


def told(**environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", RUN], env=environment, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout.strip()


def test_the_command_that_runs_workers_can_still_tell_polars_to_keep_memory() -> None:
    assert {"dirty_decay_ms:10000", "muzzy_decay_ms:0"} <= set(told().split(","))


def test_what_the_user_has_set_stands() -> None:
    assert told(_RJEM_MALLOC_CONF="dirty_decay_ms:0") == "dirty_decay_ms:0"


class Shown:
    """A row of a frame; its fields may not be asked for."""

    rows = 1

    def __init__(self, raw: bytes) -> None:
        self.frame = EventFrame(EventType("zeek.conn", "zeek", frozenset()), {}, [raw], self.taken_apart)

    def taken_apart(self, row: int) -> dict[str, Text]:
        raise AssertionError("it would take twenty times its size")


def test_a_large_event_is_shown_live_without_being_taken_apart() -> None:
    row = _live_row(cast(DecodedFrame, Shown(b"x" * 5_000_000)), 0, 7)
    assert (row.summary, row.host, row.time) == ("an event of 5.0 MB", "", 7)
