"""Scenarios at full speed through the real pipeline: log files in, a store with alerts out.

The same parts as `run` and `scan` use: files, decoding, detection, one transaction a batch, the correlator.
Nothing here knows the truth.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from xdrtui.demo.place import files_of
from xdrtui.events.times import ReplayClock
from xdrtui.pipeline.correlator import Correlator
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.rulebook import Rulebook
from xdrtui.sources.files import open_files
from xdrtui.store.store import Store


class Loaded(msgspec.Struct):
    """What a load met. events, dead: by scenario."""

    events: dict[str, int] = {}
    dead: int = 0


def load(
    directory: Path,
    scenarios: Sequence[str],
    rulebook: Rulebook,
    *,
    tell: Callable[[str], None] = lambda text: None,
) -> Loaded:
    """Load the scenarios into the store in this directory. tell: is told which one is read.

    Raises StoreError, SourceError.
    """
    loaded = Loaded()
    process = Process(rulebook)
    with Store.open(directory) as store:
        store.set_rules(rulebook.rows())
        with Correlator(store, rulebook.correlations, muted=rulebook.muted) as correlator:
            for number, scenario in enumerate(scenarios, 1):
                tell(f"reading {scenario} ({number} of {len(scenarios)})")
                loaded.events[scenario] = 0
                for file in files_of(scenario):
                    clock = ReplayClock()
                    for messages in open_files([file]):
                        result = process.run(messages, clock)
                        store.commit_batch(result)
                        loaded.events[scenario] += result.counts["events"]
                        loaded.dead += result.counts["dead"]
            tell("folding findings into alerts")
            correlator.finish()
    return loaded
