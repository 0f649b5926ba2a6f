"""What stands around an alert: rarity and surroundings, from the archive or without one; and completion."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.xdrtui.store_samples import HOUR, SECOND, START, batch, found
from tests.xdrtui.test_triage_desk import ADA, fill
from xdrtui.pipeline.correlator import Correlator
from xdrtui.store.batch import RuleRow
from xdrtui.store.live import LiveRow, LiveWriter
from xdrtui.store.store import Store
from xdrtui.triage.desk import AlertQuery, Desk

DAY = 24 * HOUR
NOW = START + 2 * DAY


def process(host: str, time: int, offset: int, image: str = "C:\\x.exe", user: str = "ada", **more):
    entities = (("host", host), ("user", user), ("process", image))
    return found(offset=offset, host=host, user=user, time=time, entities=entities, window=HOUR, **more)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """x.exe on A (twice, two days ago and now) and on B; y.exe on C."""
    fill(
        tmp_path,
        process("A", START, 1),
        process("B", START + HOUR, 2),
        process("C", START + DAY, 3, "C:\\y.exe", "bob"),
        process("A", NOW, 4, event_hash=b"4"),
        process("A", NOW + 60 * SECOND, 5, "C:\\z.exe", rule="rule-b", summary="z.exe started"),
    )
    return Desk.open(tmp_path, ADA)


def test_without_an_archive_rarity_rests_on_alerts_and_says_so(desk: Desk) -> None:
    (row,) = desk.alerts(AlertQuery("host:a last>=2023-11-16 rule:rule-a"))
    by_kind = {one.question.kind: one for one in desk.rarity(desk.alert(row.id))}
    one = by_kind["process"]
    assert (one.question.values, one.hosts, one.of, one.first, one.before) == (("C:\\x.exe",), 2, 3, START, 2)
    assert (one.basis, one.known) == ("alerts", 2 * DAY)
    here = by_kind["user on host"]
    assert (here.question.values, here.hosts, here.before) == (("ada", "A"), 1, 1)


def test_an_alert_of_1970_makes_no_decades_known(tmp_path: Path) -> None:
    fill(tmp_path, process("A", 1, 1), process("A", NOW - 2 * HOUR, 2), process("B", NOW, 3))
    with Desk.open(tmp_path, ADA, readonly=True) as desk:
        (row,) = desk.alerts(AlertQuery("host:b"))
        one = desk.rarity(desk.alert(row.id))[0]
        assert (one.known, one.before, one.hosts, one.first) == (2 * HOUR, 1, 2, NOW - 2 * HOUR)


def test_what_happened_around_it_comes_from_findings_and_the_live_sample(desk: Desk) -> None:
    writer = LiveWriter(desk.directory)
    rows = [
        LiveRow(0, NOW + n * 30 * SECOND, "t", host, "u", f"{host} {n}", b"{}")
        for n in (-1, 1, 99)
        for host in "AB"
    ]
    writer.write(rows, len(rows))
    writer.close()
    (row,) = desk.alerts(AlertQuery("host:a last>=2023-11-16 rule:rule-a"))
    around = desk.around(desk.alert(row.id))
    assert [(near.summary, near.here, near.rule) for near in around.events] == [
        ("A -1", False, ""),
        ("x.exe started on A", True, ""),
        ("A 1", False, ""),
        ("z.exe started", False, "rule-b"),
    ]
    assert around.basis == "findings and the live sample"


def test_with_an_archive_rarity_and_surroundings_rest_on_all_events(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from xdrtui.commands import make_group

    lines = []
    for n in range(60):
        lines.append(
            json.dumps(
                {
                    "Channel": "Microsoft-Windows-Sysmon/Operational",
                    "EventID": 1,
                    "UtcTime": f"2026-03-03 10:{n:02}:00.000",
                    "Computer": f"h{n % 6}",
                    "User": "CORP\\ada",
                    "Image": "C:\\Windows\\System32\\rundll32.exe" if n == 37 else "C:\\Windows\\notepad.exe",
                    "CommandLine": "rundll32.exe comsvcs.dll, MiniDump 1 x full"
                    if n == 37
                    else f"notepad {n}",
                    "OriginalFileName": "RUNDLL32.EXE" if n == 37 else "NOTEPAD.EXE",
                    "ParentImage": "C:\\Windows\\explorer.exe",
                }
            )
        )
    log, workspace = tmp_path / "a.jsonl", tmp_path / "w"
    log.write_text("\n".join(lines))
    ran = CliRunner().invoke(make_group(), ["scan", str(log), "--into", str(workspace), "--archive"])
    assert ran.exit_code == 0, ran.stderr
    with Desk.open(workspace, ADA) as desk:
        row = desk.alerts(AlertQuery("comsvcs"))[0]
        detail = desk.alert(row.id)
        by_kind = {one.question.kind: one for one in desk.rarity(detail)}
        one = by_kind["process from parent"]
        assert (one.hosts, one.of, one.before, one.basis, one.whole) == (1, 6, 0, "archive", True)
        assert by_kind["user on host"].hosts == 6 and by_kind["user on host"].before == 6
        around = desk.around(detail)
        assert around.basis == "archive"
        times = [near.time for near in around.events]
        assert len(times) == 1 and around.events[0].here  # six minutes lie between events of one host
    assert times == sorted(times)


@pytest.mark.parametrize(
    ("text", "start", "options"),
    [
        ("ho", 0, ("host:",)),
        ("state:open le", 11, ("level>=",)),
        ("level>=m", 0, ("level>=medium",)),
        ("(host:a", 1, ("host:A",)),
        ("host:", 0, ("host:A", "host:B", "host:C")),
        ("user:b", 0, ("user:bob",)),
        ("process:c:\\y", 0, ("process:C:\\y.exe",)),
        ('rule:"dump', 0, ('rule:"LSASS dump"',)),
        ("owner:", 0, ("owner:me", "owner:none", "owner:zoe")),
        ("", 0, ()),
        ("zzz", 0, ()),
    ],
)
def test_filters_are_completed_from_the_language_and_from_what_is_stored(
    desk: Desk, text: str, start: int, options: tuple[str, ...]
) -> None:
    with Store.open(desk.directory) as store:
        store.set_rules([RuleRow("rule-a", "h", "LSASS dump", "high")])
    desk.own([row.id for row in desk.alerts(AlertQuery("host:c"))], "zoe")
    found_now = desk.complete(text, len(text))
    assert (found_now.start, found_now.options) == (start, options)


def test_lines_are_sorted_as_asked(desk: Desk) -> None:
    def hosts(order: str) -> list[str]:
        return [f"{line.row.rule[-1]}{line.row.host}" for line in desk.lines(AlertQuery("", order))]

    assert hosts("host") == ["bA", "aA", "aB", "aC"]
    assert hosts("newest") == ["bA", "aA", "aC", "aB"]
    assert hosts("oldest") == ["aA", "aB", "aC", "bA"]
    assert hosts("user")[-1] == "aC" and hosts("count")[0] == "aA"
    with pytest.raises(KeyError):
        desk.lines(AlertQuery("", "colour"))


def test_a_suppressed_finding_makes_no_duplicate_of_one_that_is_not(tmp_path: Path) -> None:
    fill(tmp_path, found(offset=1))
    with Desk.open(tmp_path, ADA) as desk:
        desk.suppressing.add("user:eve", "x", START)
        with Store.open(tmp_path) as store:
            store.commit_batch(batch([found(offset=n, user="eve", raw=b"same") for n in (2, 3)]))
            store.commit_batch(batch([found(offset=4, user="ada", raw=b"same")]))
            Correlator(store).fold()
        (row,) = desk.alerts()
        assert (row.count, row.duplicates, desk.suppressing.all()[0].hidden) == (2, 0, 2)


def test_what_is_noted_answers_without_the_files_and_files_without_what_is_noted(tmp_path: Path) -> None:
    from tests.xdrtui import test_archive_seen as archived
    from xdrtui.pipeline.correlator import Correlator
    from xdrtui.triage import rarity

    times = [archived.START + n * 60 * SECOND for n in range(40)]
    archived.filled(tmp_path, times)
    image = "C:\\a.exe"
    with Store.open(tmp_path) as store:
        store.commit_batch(batch([process("H1", times[-1], 900, image, "user0")]))
        Correlator(store).fold()

    def asked() -> list[tuple[object, ...]]:
        with Desk.open(tmp_path, ADA, readonly=True) as desk:
            detail = desk.alert(desk.alerts()[0].id)
            return [
                (one.question.kind, one.hosts, one.of, one.first, one.before, one.basis, one.known)
                for one in rarity.answers(desk._store, detail, {"Image": image})
            ]

    noted = asked()
    assert noted[0] == ("process", 4, 4, times[0], 8, "archive", 39 * 60 * SECOND)
    assert noted[1][:3] == ("user on host", 4, 4)
    (tmp_path / "seen.sqlite").rename(tmp_path / "away")
    assert asked() == noted
    (tmp_path / "away").rename(tmp_path / "seen.sqlite")
    for path in (tmp_path / "archive").glob("*.parquet"):
        path.unlink()
    assert asked() == noted
