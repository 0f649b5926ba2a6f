"""What one shift tells the next, and what happened since somebody looked."""

from __future__ import annotations

from datetime import UTC
from pathlib import Path

import pytest

from tests.xdrtui.store_samples import HOUR, SECOND, START, batch, found, mark
from tests.xdrtui.test_triage_desk import ADA, BOB, fill, ids
from xdrtui.errors import ActionRefused
from xdrtui.events.message import DeadLetter, Position
from xdrtui.store.store import Store
from xdrtui.triage.desk import Desk
from xdrtui.triage.handover_text import markdown
from xdrtui.triage.moments import after, before

NOW = START + 10 * HOUR
SHIFT = (NOW - 8 * HOUR, NOW, NOW + 8 * HOUR)


class Clock:
    now = NOW

    def __call__(self) -> int:
        self.now += SECOND
        return self.now - 30 * SECOND * 60


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Four alerts on hosts A to D, from low to critical, an hour ago."""
    levels = ("low", "medium", "high", "critical")
    for n, host in enumerate("ABCD"):
        fill(tmp_path, found(offset=n, host=host, level=levels[n], time=NOW - HOUR))
    return Desk.open(tmp_path, ADA, clock=Clock())


def test_it_tells_what_is_open_escalated_closed_and_about_to_end(desk: Desk) -> None:
    a, b, c, d = (ids(desk, f"host:{host}")[0] for host in "abcd")
    desk.close([a], "benign_test")
    desk.snooze([b], NOW + 2 * HOUR)
    desk.own([c], "ada")
    desk.memo(c, "asked the owner of *C*")
    desk.escalate([d], "tier2", "domain controller")
    desk.memo("", "quiet night")
    desk.suppressing.add("host:build", "builds", NOW - HOUR, NOW + 3 * HOUR)
    handover = desk.shift.handover(*SHIFT)
    assert handover.by_level == {"critical": 1, "high": 1, "medium": 0, "low": 0, "informational": 0}
    assert [told.line.row.host for told in handover.told] == ["D", "C"]
    assert [told.memo.text if told.memo else "" for told in handover.told] == [
        "domain controller",
        "asked the owner of *C*",
    ]
    assert [(one.row.host, one.by, one.text) for one in handover.escalated] == [
        ("D", "ada", "domain controller")
    ]
    assert handover.closed == {"benign_test": 1}
    assert [row.host for row in handover.waking] == ["B"]
    assert [one.reason for one in handover.ending] == ["builds"]
    assert [memo.text for memo in handover.log] == ["quiet night"]
    text = markdown(handover, UTC)
    for part in ("## Open: 2 alerts (1 critical, 1 high)", "`D`", "to tier2, waits", "asked the owner of",
                 "\\*C\\*", "benign test: 1", "quiet night", "builds", "none stands",
                 "Dead letters: 0"):  # fmt: skip
        assert part in text, part


def test_what_was_taken_back_is_not_told(desk: Desk) -> None:
    desk.close(ids(desk), "duplicate")
    desk.undo()
    desk.memo("", "wrong window")
    desk.undo()
    handover = desk.shift.handover(*SHIFT)
    assert (handover.closed, handover.log, sum(handover.by_level.values())) == ({}, [], 4)


def test_sources_gone_silent_and_dead_letters_of_the_shift_are_told(desk: Desk) -> None:
    with Store.open(desk.directory) as store:
        for offset, (event_type, host, time) in enumerate(
            [
                ("zeek.dns", "gw", NOW - 3 * HOUR),
                ("windows.sysmon.1", "A", NOW),
                ("linux.auth", "old", NOW - 99 * HOUR),
            ]
        ):
            result = batch([], [mark(offset + 1, source=event_type, watermark=time)])
            result.presence = {(event_type, ""): {"": 5}, (event_type, host): {"": 5}}
            result.dead = [dead(900 + offset, NOW - offset * 9 * HOUR)]
            store.commit_batch(result)
    handover = desk.shift.handover(*SHIFT)
    assert [(one.kind, one.name) for one in handover.silent] == [("log source", "zeek.dns")]
    assert handover.dead == {"not JSON": 1}


def dead(offset: int, ingest: int) -> DeadLetter:
    return DeadLetter(Position("s", 0, offset, 0), "not JSON", b"x", 1, ingest)


def test_hostile_text_stays_text_in_the_markdown(tmp_path: Path) -> None:
    fill(tmp_path, found(host="h`](x) <b>\x1b[2J", time=NOW - HOUR))
    with Desk.open(tmp_path, ADA) as desk:
        desk.memo(ids(desk)[0], "<script>[a](b)\n# x")
        text = markdown(desk.shift.handover(*SHIFT), UTC)
    assert "\x1b" not in text and "\n# x" not in text and "<script>" not in text.replace("\\<", "")


def test_the_next_analyst_acknowledges_what_was_given_once(desk: Desk) -> None:
    with pytest.raises(ActionRefused, match="nothing was handed over"):
        desk.shift.take()
    given = desk.shift.give("# text")
    assert (given.author, given.text, given.taken_by) == ("ada", "# text", "")
    with pytest.raises(ActionRefused, match="your own"):
        desk.shift.take()
    with Desk.open(desk.directory, BOB) as other:
        assert other.shift.take().taken_by == "bob"
        with pytest.raises(ActionRefused, match="bob has acknowledged"):
            other.shift.take()
    assert desk.undo() is None
    assert desk.ledger_faults() == []


def test_since_i_last_looked_tells_what_is_new_grown_changed_and_taken_back(desk: Desk) -> None:
    a, b, *_ = ids(desk)
    desk.shift.look(desk.shift.since(desk.shift.looked(NOW), NOW).now)
    mark = desk.shift.looked(NOW)
    assert desk.shift.since(mark, NOW).new_total == 0
    fill(desk.directory, found(offset=50, host="Z", time=NOW), found(offset=51, host="D", time=NOW - HOUR))
    desk.acknowledge([b])
    desk.undo()
    with Desk.open(desk.directory, BOB) as other:
        other.close([a], "duplicate")
        other.snooze([b], NOW + HOUR)
    seen = desk.shift.since(mark, NOW)
    assert ([row.host for row in seen.new], seen.new_by_level) == (["Z"], {"medium": 1})
    assert [(row.host, n) for row, n in seen.grown] == [("D", 1)]
    assert [(one.author, one.kind, one.value) for one in seen.changed] == [
        ("bob", "snooze", ""),
        ("bob", "close", "duplicate"),
    ]
    assert [(one.author, one.value) for one in seen.taken_back] == [("ada", "acknowledge")]
    assert [row.id for row in seen.waking] == [b]


def test_who_never_looked_is_told_of_the_last_eight_hours(desk: Desk) -> None:
    fill(desk.directory, found(offset=70, host="old", time=NOW - 20 * HOUR))
    assert desk.shift.looked(NOW).clock == NOW - 8 * HOUR
    assert desk.shift.since(desk.shift.looked(NOW), NOW).new_total == 5  # in the order in which they came


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("2h", NOW - 2 * HOUR),
        ("-2h", NOW - 2 * HOUR),
        ("06:00", None),
        ("2023-11-15T00:00Z", 1_700_006_400 * SECOND),
    ],
)
def test_moments_that_passed(text: str, wanted: int | None) -> None:
    found_moment = before(text, NOW, UTC)
    if wanted is None:
        assert found_moment % (24 * HOUR) == 6 * HOUR and 0 <= NOW - found_moment < 24 * HOUR
    else:
        assert found_moment == wanted


@pytest.mark.parametrize("text", ["", "soon", "25:00", "2h ago", "9999999h"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    for read in (before, after):
        with pytest.raises(ActionRefused):
            read(text, NOW, UTC)


def test_moments_ahead() -> None:
    assert after("30d", NOW, UTC) == NOW + 30 * 24 * HOUR
    assert 0 < after("06:00", NOW, UTC) - NOW <= 24 * HOUR
    with pytest.raises(ActionRefused, match="has passed"):
        after("2020-01-01", NOW, UTC)
