"""The bundled scenarios, read once for all tests of this folder."""

from __future__ import annotations

import gzip
import json
import re
from functools import cache
from typing import Any

from sample_data import scenario_dir
from sample_data.world import SECOND, Day

_AUDIT_TIME = re.compile(r"msg=audit\((\d+)\.(\d{3}):\d+\): ")
_CLOCK = re.compile(r"\d{4}-\d\d-\d\d[T ](\d\d:\d\d:\d\d(?:\.\d+)?)")

DATES = {"invoice": "2026-03-03", "miner": "2026-03-04", "cloud": "2026-03-05"}


@cache
def lines(scenario: str, file: str) -> list[str]:
    return gzip.decompress((scenario_dir(scenario) / file).read_bytes()).decode().split("\n")[:-1]


def files(scenario: str) -> list[str]:
    return sorted(path.name for path in scenario_dir(scenario).glob("*.gz"))


def time_of(scenario: str, file: str, line: str) -> int:
    """Microseconds since the epoch, as the line itself tells it."""
    if file.startswith("auditd"):
        found = _AUDIT_TIME.search(line)
        assert found, line
        return int(found[1]) * SECOND + int(found[2]) * 1000
    if file.endswith(".jsonl.gz"):
        event: dict[str, Any] = json.loads(line)
        if "ts" in event:
            return round(float(event["ts"]) * SECOND)
        line = event.get("@timestamp") or event.get("timestamp") or event["eventTime"]
    found = _CLOCK.match(line)
    assert found and line.startswith(DATES[scenario]), line
    return Day(DATES[scenario]).at(found[1])
