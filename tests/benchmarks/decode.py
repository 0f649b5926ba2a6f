"""What decoding costs, stage by stage: `python -m tests.benchmarks.decode [PATH]...`.

Printed as shares of the whole, and as a ratio to the floor measured in the same run: msgspec decoding each
line once into a struct of two fields, which no router and no projection could do without. Without paths the
Windows events of the sample data are decoded; the fields are those of the bundled rules.
"""

from __future__ import annotations

import gc
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from xdrtui.events import decode, project, route
from xdrtui.events.decode import Decoder
from xdrtui.events.guard import Guard
from xdrtui.events.layouts.layout import bundled_layouts
from xdrtui.events.message import Messages
from xdrtui.events.times import ReplayClock
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.sources.files import open_files

ROUNDS = 5
SAMPLE = Path(__file__).parents[2] / "sample_data" / "invoice" / "sysmon.jsonl.gz"
STAGES: tuple[tuple[str, Any, str], ...] = (
    ("routing: decode", route, "attempt"),
    ("routing: all", route.Router, "route"),
    ("guard against hidden keys", Guard, "hits"),
    ("projection: decode", project, "attempt"),
    ("projection: columns", project, "read_columns"),
    ("projection: all", project.Projection, "read"),
    ("times", decode, "date_in_order"),
    ("presence", decode, "count_presence"),
)


def timed(spent: Counter[str], stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def run(*arguments: Any) -> Any:
        begin = time.process_time()
        try:
            return function(*arguments)
        finally:
            spent[stage] += time.process_time() - begin  # type: ignore[assignment]

    return run


def floor(batches: list[Messages]) -> float:
    struct = msgspec.defstruct("Two", [("Channel", object, None), ("EventID", object, None)], gc=False)
    decoder = msgspec.json.Decoder(struct)
    begin = time.process_time()
    for messages in batches:
        list(map(decoder.decode, messages.payloads))
    return time.process_time() - begin


def main(paths: list[str]) -> None:
    batches = list(open_files(paths or [SAMPLE], batch_bytes=16 << 20))
    decoder = Decoder(bundled_layouts(), load_rulebook().detector.needs)
    spent: Counter[str] = Counter()
    for stage, owner, name in STAGES:
        setattr(owner, name, timed(spent, stage, getattr(owner, name)))
    gc.disable()
    best: tuple[float, Counter[str]] = (float("inf"), Counter())
    lowest = float("inf")
    for _ in range(ROUNDS):
        lowest = min(lowest, floor(batches))
        spent.clear()
        clock = ReplayClock()
        begin = time.process_time()
        for messages in batches:
            decoder.decode(messages, clock)
        whole = time.process_time() - begin
        best = min(best, (whole, Counter(spent)), key=lambda pair: pair[0])
    whole, shares = best
    print(f"{sum(map(len, batches))} messages; decoding costs {whole / lowest:.1f} times the floor")
    for stage, _, _ in STAGES:
        print(f"  {stage:28} {shares[stage] / whole:4.0%}")


if __name__ == "__main__":
    main(sys.argv[1:])
