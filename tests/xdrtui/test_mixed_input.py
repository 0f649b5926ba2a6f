"""A hundred thousand lines, good and bad, through the whole way: nothing is lost and nothing hides."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path

import pytest

from detectors.sigma.cache import Cache
from xdrtui.pipeline.rulebook import Rulebook, load_rulebook
from xdrtui.pipeline.scan import Match, scan

RULE = """title: Needle
id: 11111111-1111-4111-8111-111111111111
level: high
logsource: {product: windows, category: process_creation}
detection:
  selection:
    CommandLine|contains: needle
  condition: selection
"""
BASE = '{"Channel":"Microsoft-Windows-Sysmon/Operational","EventID":1,"UtcTime":"2026-03-03 10:00:00.000",'
GOOD = BASE.encode() + b'"Image":"C:\\\\a.exe","CommandLine":"nothing %d"}'

HIDDEN = {
    "plain": BASE + '"CommandLine":"a needle"}',
    "unpaired surrogate before it": BASE + r'"CommandLine":"\ud800 needle"}',
    "unpaired surrogate in another field": BASE + r'"Image":"\udfff","CommandLine":"a needle"}',
    "said twice, the last harmless": BASE + '"CommandLine":"a needle","CommandLine":"harmless"}',
    "said twice, the first harmless": BASE + '"CommandLine":"harmless","CommandLine":"a needle"}',
    "key written with escapes": BASE + r'"Comm\u0061ndLine":"a needle"}',
    "value written with escapes": BASE + r'"CommandLine":"a n\u0065\u0065dle"}',
    "in an array": BASE + '"CommandLine":["x","a needle"]}',
    "in an array of arrays": BASE + '"CommandLine":[["x"],["a needle"]]}',
    "two values on a line": BASE + '"CommandLine":"x"}' + BASE + '"CommandLine":"a needle"}',
    "after a byte order mark": "\ufeff" + BASE + '"CommandLine":"a needle"}',
    "behind a huge value": BASE + '"Image":"' + "x" * 3_000_000 + '","CommandLine":"a needle"}',
    "type drift beside it": BASE + '"Image":{"a":[1,{"b":null}]},"CommandLine":"a needle"}',
    "event id among others, last": BASE.replace('"EventID":1', '"EventID":[9,1]')
    + '"CommandLine":"a needle"}',
    "event id among others, first": BASE.replace('"EventID":1', '"EventID":[1,9]')
    + '"CommandLine":"a needle"}',
    "event id said twice, the last another": BASE + '"EventID":9,"CommandLine":"a needle"}',
    "event id said twice, the first another": BASE.replace('"EventID":1', '"EventID":9,"EventID":1')
    + '"CommandLine":"a needle"}',
    "channel said twice": BASE + '"Channel":"Application","CommandLine":"a needle"}',
    "event id as text": BASE.replace('"EventID":1', '"EventID":"1"') + '"CommandLine":"a needle"}',
    **{
        f"event id as {written}": BASE.replace('"EventID":1', f'"EventID":{written}')
        + '"CommandLine":"a needle"}'
        for written in ("1.0", "1e0", "10e-1", '"01"', '" 1"', '"1\\t"', '"1.00"', '["x","01"]')
    },
    "channel with blanks around": BASE.replace('"Micro', '" Micro').replace('nal"', 'nal\\n"')
    + '"CommandLine":"a needle"}',
    "channel in another case": BASE.replace("Sysmon/Op", "SYSMON/OP") + '"CommandLine":"a needle"}',
}
RAW_HIDDEN = {
    "not UTF-8 before it": BASE.encode() + b'"CommandLine":"\xff\xfe needle"}',
    "not UTF-8 in a field nobody reads": BASE.encode() + b'"X":"\xff","CommandLine":"a needle"}',
    "with a carriage return": BASE.encode() + b'"CommandLine":"a needle"}\r',
}
BAD = [
    b"\x00\x01\x02\x03",
    b'{"Channel":',
    b'{"a":1,}',
    b"[" * 20_000,
    b'{"a":' * 20_000,
    b'"text"',
    b"12",
    b"nonsense without end",
    b'{"CommandLine":nan}',
    b"\xff\xfe\xfd",
]


@pytest.fixture(scope="module")
def rulebook(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    path = tmp_path_factory.mktemp("rules") / "needle.yml"
    path.write_text(RULE)
    return load_rulebook([path], cache=Cache(None))


@pytest.mark.parametrize("name", [*HIDDEN, *RAW_HIDDEN])
def test_a_needle_is_found_however_it_is_written(name: str, rulebook: Rulebook, tmp_path: Path) -> None:
    line = HIDDEN[name].encode() if name in HIDDEN else RAW_HIDDEN[name]
    path = tmp_path / "a.jsonl"
    path.write_bytes(GOOD % 1 + b"\n" + line + b"\n" + GOOD % 2 + b"\n")
    found: list[Match] = []
    scan([path], rulebook, on_matches=found.extend)
    assert [match.offset for match in found] == [1]


def test_a_hundred_thousand_mixed_lines(rulebook: Rulebook, tmp_path: Path) -> None:
    chance = random.Random(7)
    small = [line.encode() for name, line in HIDDEN.items() if name != "behind a huge value"]
    small += RAW_HIDDEN.values()
    lines, kinds = [], Counter[str]()
    needles = []
    for number in range(100_000):
        dice = chance.random()
        if dice < 0.9:
            lines.append(GOOD % number)
            kinds["good"] += 1
        elif dice < 0.95:
            lines.append(chance.choice(small))
            needles.append(number)
            kinds["hidden"] += 1
        else:
            lines.append(chance.choice(BAD[:3] + BAD[5:]) if dice < 0.9995 else chance.choice(BAD))
            kinds["bad"] += 1
    path = tmp_path / "mixed.jsonl"
    path.write_bytes(b"\n".join(lines) + b"\n")
    found: list[Match] = []
    summary = scan([path], rulebook, on_matches=found.extend)
    counts = summary.counts
    assert counts.messages == 100_000
    assert sorted({match.offset for match in found}) == needles
    assert counts.events == counts.routed + counts.unrouted
    assert counts.dead > 0
    assert counts.salvaged > 0
    assert counts.events >= counts.messages - counts.dead
    assert counts.routed >= kinds["good"] + kinds["hidden"]
    figures = {name: getattr(counts, name) for name in ("messages", "events", "salvaged", "dead")}
    print(json.dumps({"lines": kinds, **figures, "matches": summary.matches}))


def test_event_ids_that_an_attacker_invents_cost_no_plan_each(rulebook: Rulebook, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    lines = [
        BASE.replace('"EventID":1', f'"EventID":{n}') + '"CommandLine":"a needle"}' for n in range(1, 3_000)
    ]
    path.write_text("\n".join(lines))
    found: list[Match] = []
    summary = scan([path], rulebook, on_matches=found.extend)
    assert [match.offset for match in found] == [0]
    assert summary.counts.events == 2_999
