"""`xdrtui rules profile`: the same matches as ever, costs that add up, the noisiest and slowest first."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from detectors.sigma.match import SigmaDetector
from detectors.sigma.profiling import Cost, ProfilingDetector
from tests.detectors.sigma.kit import cells, frame_of, rule_text, rules_of
from tests.shared_data import require_shared
from xdrtui.commands import make_group
from xdrtui.pipeline.profiling import profile
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.pipeline.scan import scan


def ids(count: int) -> list[dict[str, str]]:
    return [
        {"id": f"00000000-0000-4000-8000-{number:012d}", "title": f"R{number}"} for number in range(count)
    ]


def rules(*detections: str) -> ProfilingDetector:
    return ProfilingDetector(
        rules_of(
            *(rule_text(body, **head) for body, head in zip(detections, ids(len(detections)), strict=True))
        )
    )


def costs(detector: ProfilingDetector, events: list[dict[str, object]]) -> list[Cost]:
    detector.detect(frame_of(detector, [cells(event) for event in events]))
    return detector.costs()


def test_it_finds_what_the_detector_finds() -> None:
    texts = [
        rule_text("sel:\n  a|contains: x\ncondition: sel"),
        rule_text("sel: [key]\ncondition: sel", **ids(2)[0]),
    ]
    events = [cells(each) for each in ({"a": "yxy"}, {"a": "b"}, {"c": "key"})]
    plain, clocked = SigmaDetector(rules_of(*texts)), ProfilingDetector(rules_of(*texts))
    one, other = plain.detect(frame_of(plain, events)), clocked.detect(frame_of(clocked, events))
    assert (one.rules, one.rows) == (other.rules, other.rows)
    assert len(one) == 2


def test_the_costs_of_all_rules_add_up_to_what_was_measured() -> None:
    detector = rules(
        "sel:\n  a|contains: [x, y]\n  b: z\ncondition: sel",
        "sel:\n  a|contains: x\nfilter:\n  c|re: '(?<!q)w'\ncondition: sel and not filter",
        "sel: [key]\ncondition: sel",
    )
    found = costs(detector, [{"a": f"x{n}", "b": "z", "c": f"w{n}"} for n in range(300)])
    assert sum(cost.time for cost in found) == pytest.approx(detector.attributed(), abs=10)
    assert 0 < detector.attributed() <= detector.detecting
    assert [cost.matches for cost in found] == [300, 0, 0]


def test_a_pattern_outside_the_fast_engine_is_the_cost_of_its_rule() -> None:
    detector = rules("sel:\n  a|re: '(?<!q)w(?=x)'\ncondition: sel", "sel:\n  a|contains: wx\ncondition: sel")
    lookaround, plain = costs(detector, [{"a": f"wx{n}"} for n in range(200)])
    assert lookaround.slow > 0
    assert plain.slow == 0
    assert lookaround.matches == plain.matches == 200


def test_a_rule_is_looked_at_once_for_rows_alike() -> None:
    (cost,) = costs(rules("sel:\n  a: x\ncondition: sel"), [{"a": "x"}] * 50)
    assert (cost.matches, cost.evaluations) == (50, 1)


def test_fields_asked_for_by_one_rule_alone_are_told() -> None:
    one, other = costs(
        rules("sel:\n  a: x\n  rare: y\ncondition: sel", "sel:\n  a: z\ncondition: sel"), [{"a": "x"}]
    )
    assert (one.alone, other.alone) == (("rare",), ())


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    Path("rules").mkdir()
    head = "status: test\nlogsource: {product: windows, category: process_creation}\n"
    for number, (title, image) in enumerate(
        (("Loud", "cmd.exe"), ("Quiet", "whoami.exe"), ("Silent", "z.exe"))
    ):
        Path("rules", f"{title}.yml").write_text(
            f"title: {title}\nid: 00000000-0000-4000-8000-00000000000{number}\nlevel: low\n{head}"
            f"detection:\n    s:\n        Image|endswith: '{image}'\n    condition: s\n"
        )
    event = {
        "Channel": "Microsoft-Windows-Sysmon/Operational",
        "EventID": 1,
        "UtcTime": "2026-03-01 10:00:00",
    }
    lines = [json.dumps({**event, "Image": name}) for name in ["cmd.exe"] * 9 + ["whoami.exe"]]
    Path("events.jsonl").write_text("\n".join(lines))
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(
        make_group(), ["rules", "profile", "events.jsonl", "--rules", "rules", *arguments]
    )


def test_the_noisiest_stands_first_and_silent_rules_only_among_the_slow(place: Path) -> None:
    result = run()
    assert result.exit_code == 0
    noisy, slow = result.stdout.split("Slowest")
    assert noisy.index("Loud") < noisy.index("Quiet")
    assert "90,000.0" in noisy
    assert "Silent" not in noisy and "Silent" in slow
    assert "10 events, 3 rules, 2 of them matched." in result.stderr


def test_json_has_every_rule_the_slowest_first(place: Path) -> None:
    rows: list[dict[str, Any]] = [json.loads(line) for line in run("--format", "json").stdout.splitlines()]
    assert {row["title"]: row["matches"] for row in rows} == {"Loud": 9, "Quiet": 1, "Silent": 0}
    assert [row["time"] for row in rows] == sorted((row["time"] for row in rows), reverse=True)


def test_on_a_recording_it_counts_the_matches_of_a_scan(place: Path) -> None:
    recording = require_shared("mordor") / "empire_psremoting_stager_2020-09-20170827.jsonl.gz"
    book = load_rulebook([require_shared("sigmahq") / "rules" / "windows" / "process_creation"])
    found = profile([recording], book)
    matches = {cost.rule: cost.matches for cost in found.costs if cost.matches}
    assert matches == Counter(scan([recording], book).by_rule)
    assert found.attributed <= found.detecting
