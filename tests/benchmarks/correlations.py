"""Matches a second through each kind of correlation, on one core: `python -m tests.benchmarks.correlations`.

Printed as a ratio to a bare loop that only counts matches by key in a dict, measured in the same run.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from typing import Any

from detectors.correlate.engine import Correlations
from detectors.correlate.links import BaseRule, resolve
from detectors.correlate.model import Match
from detectors.correlate.parse import parse_correlation
from detectors.correlate.problem import Where

S = 1_000_000_000
KINDS: dict[str, dict[str, Any]] = {
    "event_count": {"type": "event_count", "rules": ["a", "b", "c"], "condition": {"gte": 10}},
    "event_count range": {
        "type": "event_count",
        "rules": ["a", "b", "c"],
        "condition": {"gte": 10, "lt": 50},
    },
    "value_count": {"type": "value_count", "rules": ["a", "b", "c"], "condition": {"gte": 10, "field": "v"}},
    "value_sum": {"type": "value_sum", "rules": ["a", "b", "c"], "condition": {"gte": 10**9, "field": "n"}},
    "value_median": {
        "type": "value_median",
        "rules": ["a", "b", "c"],
        "condition": {"gte": 990, "field": "n"},
    },
    "temporal": {"type": "temporal", "rules": ["a", "b", "c"]},
    "temporal_ordered": {"type": "temporal_ordered", "rules": ["a", "b", "c"]},
}


def matches_of(number: int, keys: int) -> list[Match]:
    """Ten matches a second of one rule in 100 groups' worth of keys; the others are rare."""
    return [
        Match(
            "b" if n % 1000 == 1 else "c" if n % 3000 == 2 else "a",
            n * S // 10,
            ("s", 0, n, 0),
            {"k": f"user{n * 7919 % keys}", "v": f"h{n % 5}", "n": str(n % 1000)},
            "",
        )
        for n in range(number)
    ]


def main(number: int = 100_000) -> None:
    bases = [BaseRule(name, name) for name in "abc"]
    for keys in (20, 20_000):
        matches = matches_of(number, keys)
        begin = time.perf_counter()
        Counter((match.rule, match.values["k"]) for match in matches)
        bare = time.perf_counter() - begin
        for name, section in KINDS.items():
            document = {"title": name, "correlation": {**section, "group-by": ["k"], "timespan": "10m"}}
            correlations = Correlations(resolve([parse_correlation(document, Where())], bases).rules)
            state, fired = correlations.new_state(), 0
            begin = time.perf_counter()
            for start in range(0, number, 5_000):
                batch = matches[start : start + 5_000]
                fired += len(state.feed(batch)) + len(state.advance(batch[-1].time, 60 * S))
            taken = time.perf_counter() - begin
            print(
                f"{name:18}{keys:6} keys {number / taken:10,.0f}/s {taken / bare:5.1f}x a count {fired} fired"
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
