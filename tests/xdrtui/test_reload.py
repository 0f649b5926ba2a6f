"""Rules that change under a running worker: taken up between two batches, no event lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from detectors.sigma.cache import Cache
from tests.xdrtui.worker_samples import RULE, FakeSource, every, findings, run, topic, worker
from xdrtui.errors import RuleError
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.reload import RuleWatch, mark_of, newly_broken
from xdrtui.pipeline.rulebook import Rulebook, load_rulebook
from xdrtui.store import workers
from xdrtui.store.store import Store

SECOND = RULE.replace("000000000001", "000000000002").replace("A bad word", "Another bad word")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "rules"
    path.mkdir()
    (path / "rule.yml").write_text(RULE)
    return path


@pytest.fixture
def load(folder: Path) -> Callable[[], Rulebook]:
    return lambda: load_rulebook([folder], cache=Cache(None))


def watch(folder: Path, load: Callable[[], Rulebook]) -> RuleWatch:
    before = mark_of([folder])
    return RuleWatch(load(), load, lambda: mark_of([folder]), before=before, seconds=0.03)


def wait(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.01)


def taken(rules: RuleWatch) -> Process:
    found: list[Process] = []

    def poll() -> bool:
        process = rules.poll()
        if process is not None:
            found.append(process)
        return bool(found)

    wait(poll)
    return found[0]


def test_a_new_rule_is_noticed_once(folder: Path, load: Callable[[], Rulebook]) -> None:
    with watch(folder, load) as rules:
        assert rules.poll() is None
        (folder / "second.yml").write_text(SECOND)
        assert len(taken(rules).rulebook.rules) == 2
        time.sleep(0.1)
        assert rules.poll() is None
        (folder / "second.yml").unlink()
        assert len(taken(rules).rulebook.rules) == 1


def test_a_change_made_while_the_rules_were_read_is_noticed(
    folder: Path, load: Callable[[], Rulebook]
) -> None:
    rules = watch(folder, load)
    (folder / "second.yml").write_text(SECOND)  # the book is read, nobody watches yet
    with rules:
        assert len(taken(rules).rulebook.rules) == 2


def test_a_file_that_is_only_touched_changes_nothing(folder: Path, load: Callable[[], Rulebook]) -> None:
    with watch(folder, load) as rules:
        (folder / "rule.yml").write_text(RULE)
        time.sleep(0.3)
        assert rules.poll() is None


def test_a_broken_set_keeps_the_old_and_says_so_until_it_is_mended(
    folder: Path, load: Callable[[], Rulebook]
) -> None:
    with watch(folder, load) as rules:
        (folder / "rule.yml").write_text(RULE.replace("level: high", "level: severe"))
        wait(lambda: rules.fault)
        assert "level 'severe' is not Sigma's" in rules.fault
        assert rules.poll() is None
        (folder / "rule.yml").write_text(RULE.replace("level: high", "level: low"))
        (rule,) = taken(rules).rulebook.rules.values()
        assert (rule.level, rules.fault) == ("low", "")


def test_a_reading_that_fails_does_not_end_the_watch(folder: Path, load: Callable[[], Rulebook]) -> None:
    book, before = load(), mark_of([folder])
    answers: list[Exception] = [RuleError("no such pipeline"), ValueError("a bug")]

    def failing() -> Rulebook:
        if answers:
            raise answers.pop(0)
        return load()

    with RuleWatch(book, failing, lambda: mark_of([folder]), before=before, seconds=0.03) as rules:
        for number, words in enumerate(("no such pipeline", "a bug")):
            (folder / "rule.yml").write_text(RULE + f"# {number}\n")
            wait(lambda words=words: words in rules.fault)  # type: ignore[misc]
        (folder / "second.yml").write_text(SECOND)
        assert len(taken(rules).rulebook.rules) == 2


def test_a_broken_file_that_was_broken_before_stops_nothing(
    folder: Path, load: Callable[[], Rulebook]
) -> None:
    (folder / "broken.yml").write_text("title: [")
    before = load()
    (folder / "second.yml").write_text(SECOND)
    (folder / "other.yml").write_text("title: [")
    assert newly_broken(before, load()) is None
    for file in folder.iterdir():
        file.unlink()
    assert newly_broken(before, load()) is not None


class Handing:
    """Rules that are handed over when half of the topic was committed."""

    def __init__(self, process: Process, when: Callable[[], bool]) -> None:
        self.process: Process | None = process
        self.when = when
        self.fault = ""

    def poll(self) -> Process | None:
        if self.process is not None and self.when():
            process, self.process = self.process, None
            return process
        return None


async def test_no_event_is_lost_or_judged_twice(
    tmp_path: Path, folder: Path, load: Callable[[], Rulebook]
) -> None:
    old = Process(load())
    (folder / "rule.yml").write_text(RULE.replace("level: high", "level: low"))
    (folder / "second.yml").write_text(SECOND)
    source = FakeSource(topic(40), size=2)
    handing = Handing(Process(load()), lambda: source.committed.get(0, 0) >= 16)

    def hold() -> None:
        """All that is fetched while a batch is worked on is the next: no more until the rules are taken."""
        source.size = 2 if source.next[0] < 20 or handing.process is None else 0

    source.before_fetch = hold
    summary = await run(worker(tmp_path / "store", old, source, rules=handing))
    assert (summary.ended, summary.messages) == ("end", 40)
    assert "rules taken up: 2" in summary.notes
    assert sorted(set(findings(tmp_path / "store"))) == every(source)
    with Store.open(tmp_path / "store", readonly=True) as store:
        rows = store.connection.execute(
            "SELECT rule, offset, level, rule_hash FROM findings ORDER BY offset"
        ).fetchall()
        versions = dict(store.connection.execute("SELECT rule || level, COUNT(*) FROM findings GROUP BY 1"))
    first = [row for row in rows if row[0].endswith("1")]
    assert [row[1] for row in first] == list(range(40))
    assert len({row[3] for row in first}) == 2, "each finding keeps the version that made it"
    turned = next(row[1] for row in first if row[2] == "low")
    assert turned >= 16
    assert [row[1] for row in rows if row[0].endswith("2")] == list(range(turned, 40))
    assert sum(versions.values()) == len(rows)


async def test_a_fault_of_the_rules_is_seen_in_the_health(
    tmp_path: Path, load: Callable[[], Rulebook], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xdrtui.pipeline.worker.BEAT_SECONDS", 0.01)
    process = Process(load())
    handing = Handing(process, lambda: False)
    handing.fault = "rules on disk changed but are not in use"
    source = FakeSource(topic(3))
    it = worker(tmp_path / "store", process, source, rules=handing, until_end=False)

    def see() -> None:
        if (tmp_path / "store" / "xdrtui.sqlite").exists():
            with Store.open(tmp_path / "store", readonly=True) as store:
                if any("not in use" in fault.text for fault in workers.faults(store.connection)):
                    it.stop()

    source.before_fetch = see
    assert (await run(it)).ended == "stop"
