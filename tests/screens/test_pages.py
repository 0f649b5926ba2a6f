"""Pages as functions: why, help, the manual, status, keys."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.sigma.explain import Why
from screens.commands import PANES, Facts
from screens.demo import Hints
from screens.help import help_lines, markdown_lines, read_topic, topics
from screens.keyboard import Keyboard
from screens.lines import footer_lines, tabs_line
from screens.names import short_host, short_user
from screens.paint import clipped, line_width, plain, spread
from screens.palette import Entry, matching
from screens.status_bar import alarm, status_line
from screens.times import SECOND, Zone, age, duration, fixed
from screens.why import value_line, why_lines
from xdrtui.triage.rows import Status, WorkerStatus
from xdrtui.triage.why import Reason, reasons_of

ZONE = Zone(fixed(1))
NOW = 1_772_546_531 * SECOND


def leaf(true: bool, field: str = "Image", pattern: str = "x", value: str = "axb", start: int = 1) -> Why:
    return Why(
        "test", true, field=field, words="contains", pattern=pattern, value=value, start=start, end=start + 1
    )


def status(**more) -> Status:
    worker = WorkerStatus("w1", "worker", 1, "here", 0.5, True, False, 12480.0, 0.4, 0, 3, 410_000_000)
    fields = dict(sentence="1 worker", workers=[worker], faults=[], events_per_second=12480.0, lag=0.4)
    fields |= dict(dropped=0, dead=3, memory=410_000_000, paused=False, unfolded=0, counts={}, control={})
    return Status(**(fields | more))


# Why


def test_only_what_helped_the_rule_to_fire_has_a_line() -> None:
    tree = Why("and", True, below=(leaf(True), Why("or", True, below=(leaf(False, "A"), leaf(True, "B")))))
    assert [reason.field for reason in reasons_of(tree)] == ["Image", "B"]


def test_a_not_that_held_is_a_tick() -> None:
    tree = Why("not", True, below=(Why("and", False, below=(leaf(False, "ParentImage"),)),))
    (reason,) = reasons_of(tree)
    assert reason.negated and plain(why_lines([reason], 100)[0]).startswith("✓ ParentImage not: contains x")


def test_a_list_says_how_many_of_it_matched() -> None:
    tree = Why(
        "or", True, below=(leaf(False, pattern="a"), leaf(True, pattern="b"), leaf(False, pattern="c"))
    )
    (reason,) = reasons_of(tree)
    assert reason.of == "1 of 3"
    held = Why("not", True, below=(Why("or", False, below=(leaf(False), leaf(False))),))
    assert [reason.of for reason in reasons_of(held)] == ["none of 2"]


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=300), st.integers(0, 300), st.integers(1, 60), st.integers(12, 120))
def test_the_span_stays_in_view_and_the_line_in_its_cells(
    value: str, start: int, length: int, cells: int
) -> None:
    reason = Reason("F", "contains", value, min(start, len(value)), min(start + length, len(value)))
    line = value_line(reason, cells)
    assert line_width(line) <= cells
    if reason.start < reason.end:
        assert any(style == "match" and text for text, style in line)


@given(st.integers(20, 160))
def test_why_lines_fit_any_width(cells: int) -> None:
    reason = Reason("CommandLine" * 3, "contains " + "x" * 80, "v" * 500, 250, 260, of="1 of 57")
    assert all(line_width(line) <= cells for line in why_lines([reason] * 60, cells))


# Lines around


def test_status_line_names_source_rate_lag_letters_and_the_zone() -> None:
    text = plain(status_line("acme-prod", status(), ZONE, NOW, 100))
    for part in (
        "acme-prod",
        "● 1 worker",
        "12,480 ev/s",
        "lag 0.4 s",
        "dead 3",
        "dropped 0",
        "410 MB",
        "15:02 UTC+1",
    ):
        assert part in text


@given(st.text(max_size=60), st.integers(40, 200), st.integers(0, 10**12))
def test_status_line_keeps_to_its_cells(name: str, cells: int, rate: int) -> None:
    line = status_line(
        name, status(events_per_second=float(rate)), ZONE, NOW, cells, "DEMO 03-03 14:02 x120", True
    )
    assert line_width(line) <= cells


def test_alarms_say_what_to_do() -> None:
    assert alarm(status()) == ""
    assert "xdrtui run" in alarm(
        status(workers=[], sentence="no worker is running: start one with `xdrtui run`")
    )
    assert alarm(None, "the store is locked") == "the store is locked"


@pytest.mark.parametrize("pane", PANES)
@pytest.mark.parametrize("cells", [80, 120])
def test_keys_and_tabs_fit(pane: str, cells: int) -> None:
    for demo in (False, True):
        facts = Facts(pane=pane, rows=5, state="new", demo=demo)
        (line,) = footer_lines(facts, cells)
        assert line_width(line) <= cells and plain(line).endswith("q back") and "? keys" in plain(line)
    assert line_width(tabs_line(pane, [("x" * 200, "")], cells)) <= cells


# Help and manual


def test_help_shows_what_applies_and_why_not() -> None:
    lines = help_lines(Facts(pane="queue", rows=1, state="closed"), 80)
    text = " ".join(" ".join(plain(line) for line in lines).split())
    assert "this alert is closed already" in text and "Acknowledge: you have seen it" in text
    assert all(line_width(line) <= 80 for line in help_lines(Facts(pane="live"), 80))


@pytest.mark.parametrize("pane", PANES)
def test_a_large_screen_shows_all_keys_at_once_in_two_columns(pane: str) -> None:
    narrow, large = help_lines(Facts(pane=pane), 140), help_lines(Facts(pane=pane), 198)
    assert all(line_width(line) <= 198 for line in large) and len(large) <= 56
    words = set("".join(plain(line).replace("─", "") + " " for line in narrow).split())
    assert words <= set("".join(plain(line) + " " for line in large).split()), "nothing is left out"


@pytest.mark.parametrize("topic", topics())
def test_manual_pages_fit_80_columns(topic: str) -> None:
    lines = markdown_lines(read_topic(topic), 78)
    assert lines
    verbatim = {plain(line) for line in lines if line and line[0][1] == "label"}
    assert all(line_width(line) <= 78 or plain(line) in verbatim for line in lines)


def test_a_missing_page_says_what_there_is() -> None:
    assert "screens" in read_topic("no such page")


# Keys


def test_sequences() -> None:
    from screens.commands import keys_of

    keyboard, keys = Keyboard(), keys_of("queue")
    assert keyboard.command("g", keys) is None and keyboard.pending == "g"
    found = keyboard.command("g", keys)
    assert found is not None and found.id == "first"
    keyboard.command("g", keys)
    other = keyboard.command("j", keys)
    assert other is not None and other.id == "down" and not keyboard.pending


def test_the_palette_finds_by_any_word_best_title_first() -> None:
    entries = [Entry("command", title, text, "", lambda: None) for title, text in
               (("undo", "take back"), ("close", "an alert"), ("closer", "undo nothing"))]  # fmt: skip
    assert [entry.title for entry in matching(entries, "clo")] == ["close", "closer"]
    assert [entry.title for entry in matching(entries, "undo")] == ["undo", "closer"]


# Times


def test_ages() -> None:
    assert [age(NOW - seconds * SECOND, NOW, ZONE) for seconds in (2, 40, 120, 7200, 90_000, 40_000_000)] == [
        "now", "40s", "2m", "2h", "03-02", "2024"]  # fmt: skip
    assert age(NOW + 100_000 * SECOND, NOW, ZONE) == "03-04", "the future is a date, not an age"


@given(st.integers(-(2**63), 2**63))
def test_no_time_breaks_the_clock(time: int) -> None:
    assert len(age(time, NOW, ZONE)) <= 5
    ZONE.full(time)
    Zone().full(time)
    duration(abs(time))


@given(st.lists(st.tuples(st.text(max_size=30), st.just("")), max_size=5), st.integers(0, 60))
def test_clipping_and_spreading_keep_to_their_cells(line: list[tuple[str, str]], cells: int) -> None:
    assert line_width(clipped(line, cells)) <= cells
    assert line_width(spread(line, [("right", "")], max(10, cells))) <= max(10, cells)


# The demo


class Played:
    def hint(self, alert: str) -> list[str]:
        return ["look there", "that field", "the answer"] if alert == "a" else []


def test_hints_come_in_three_grades() -> None:
    hints = Hints()
    said = [hints.next(Played(), "a") for _ in range(4)]  # type: ignore[arg-type]
    assert [text.split(":")[0] for text in said] == [
        "hint 1 of 3",
        "hint 2 of 3",
        "hint 3 of 3",
        "hint 3 of 3",
    ]
    assert "no hint" in hints.next(Played(), "b")  # type: ignore[arg-type]


def test_the_manual_of_screens_is_there() -> None:
    assert (Path(__file__).parents[2] / "xdrtui" / "manual" / "screens.md").exists()


def test_lists_show_names_without_their_domain_and_addresses_whole() -> None:
    assert [short_host(host) for host in ("WS-09.corp.example", "10.0.0.1", "fe80::1.2", "dc01")] == [
        "WS-09", "10.0.0.1", "fe80::1.2", "dc01"]  # fmt: skip
    users = ("CORP\\ada", "ada@corp.example", "arn:aws:iam::1:user/ada", "NT AUTHORITY\\SYSTEM", "")
    assert [short_user(user) for user in users] == ["ada", "ada", "ada", "SYSTEM", ""]


def test_runs_of_blanks_are_seen_and_what_matched_stays_in_view() -> None:
    padded = "cmd.exe" + " " * 300 + "/c   evil" + " " * 80 + "end"
    at = padded.index("evil")
    (line,) = why_lines([Reason("CommandLine", "contains evil", padded, at, at + 4)], 78)
    text = plain(line)
    assert "cmd.exe<300 blanks>/c␣␣␣[evil]<80 bla" in text
    assert line_width(line) <= 78
    (other,) = why_lines([Reason("CommandLine", "is", "a  b c", 0, 6)], 78)
    assert plain(other).endswith("a␣␣b c") and ("a␣␣b c", "match") in other


@pytest.mark.parametrize("cells", [60, 78, 118])
def test_how_many_of_a_list_matched_is_never_cut_off(cells: int) -> None:
    reason = Reason("TargetFilename", "ends with \\" + "a" * 90, "C:\\" + "a" * 90, 3, 93, of="1 of 57")
    text = plain(why_lines([reason], cells)[0])
    assert "… (1 of 57)" in text


def test_a_value_stands_beside_its_test_on_a_narrow_page_where_it_fits() -> None:
    short = Reason("a0", "ends with useradd", "useradd", 0, 7)
    long = Reason("CommandLine", "contains mimi", "mimi " + "x" * 80, 0, 4)
    lines = [plain(line) for line in why_lines([short, long], 56)]
    assert lines[0] == "✓ a0 ends with useradd  useradd"
    assert lines[1] == "✓ CommandLine contains mimi" and lines[2].startswith("  [mimi]")
