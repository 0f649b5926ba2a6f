"""What a worker does about its memory before Polars is there."""

import subprocess
import sys

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
    assert "dirty_decay_ms:10000" in told()


def test_what_the_user_has_set_stands() -> None:
    assert told(_RJEM_MALLOC_CONF="dirty_decay_ms:0") == "dirty_decay_ms:0"
