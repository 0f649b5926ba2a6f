"""The whole engine against an independent matcher: all Windows rules of SigmaHQ on all recorded sessions."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

from detectors.sigma.cache import Cache
from tests.shared_data import require_shared
from xdrtui.pipeline.rulebook import load_rulebook
from xdrtui.pipeline.scan import Match, scan

# Where we find more, the event says so in a field that the reference does not map: Security 4688 names user,
# logon and integrity level of the new process (SubjectUserName, SubjectLogonId, MandatoryLabel), and one
# Sysmon event says in its source name, not in a channel, what it is.
MORE = {
    "Suspicious High IntegrityLevel Conhost Legacy Option": 20,
    "WmiPrvSE Spawned A Process": 4,
    "Suspicious SYSTEM User Process Creation": 1,
    "ADFS Database Named Pipe Connection By Uncommon Tool": 1,
}


def test_matches_equal_the_reference(tmp_path: Path) -> None:
    shared = require_shared()
    folders = [
        shared / "sigmahq" / name for name in ("rules", "rules-emerging-threats", "rules-threat-hunting")
    ]
    cache = Cache(tmp_path / "cache")
    everything = load_rulebook(folders, cache=cache)
    windows = frozenset(r.id for r in everything.rules.values() if r.log_source.product == "windows")
    rulebook = load_rulebook(folders, cache=cache, keep=windows)
    found: set[tuple[str, str, int]] = set()

    def take(matches: list[Match]) -> None:
        found.update((m.rule, Path(m.source).name.removesuffix(".gz"), m.offset) for m in matches)

    summary = scan([shared / "mordor"], rulebook, on_matches=take)  # type: ignore[arg-type]
    assert summary.counts.messages == summary.counts.events == 478_794
    assert summary.counts.dead == 0
    with gzip.open(shared / "mordor-expected.jsonl.gz") as lines:
        expected = {(e["rule"], e["file"], e["line"]) for e in map(json.loads, lines)}
    assert len(expected) == 5_722
    assert expected - found == set()
    extra = Counter(rulebook.rules[rule].title for rule, _, _ in found - expected)
    assert extra == MORE
