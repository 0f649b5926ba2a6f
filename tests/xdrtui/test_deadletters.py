"""Dead letters: listed and shown harmlessly, retried in their own place, sent on once each."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from detectors.sigma.cache import Cache
from tests.xdrtui.store_samples import HOUR, START, batch, found, mark
from xdrtui.commands import make_group
from xdrtui.commands.columns import cells
from xdrtui.commands.deadletters import WIDTH
from xdrtui.events.message import DeadLetter, Messages, Position, Source
from xdrtui.pipeline.correlator import Correlator
from xdrtui.pipeline.process import Process
from xdrtui.pipeline.retry import retry
from xdrtui.pipeline.rulebook import Rulebook, load_rulebook
from xdrtui.plain import is_harmless
from xdrtui.store import deadletters, workers
from xdrtui.store.batch import BatchResult
from xdrtui.store.export import export_alerts
from xdrtui.store.store import Store
from xdrtui.triage.desk import Desk, Principal

HOSTILE = "\x1b]0;owned\x07\x1b[2J[red]x[/red]\u202e".encode() + b"\xff\x9b31m" + b"A" * 300
TOPIC = Source("kafka:c:events:0", "events-of-the-whole-organisation", "kafka")
GOOD = json.dumps({"_path": "conn", "ts": START / 1e9, "uid": "bad", "id.orig_h": "10.0.0.1"}).encode()
RULES = """
title: A bad word
id: 6a4e0c3e-0b7a-4d0b-8d6b-00000000d001
name: bad_word
level: high
logsource: {product: zeek, service: conn}
detection: {selection: {uid: bad}, condition: selection}
---
title: Two bad words
id: 6a4e0c3e-0b7a-4d0b-8d6b-00000000d002
level: critical
correlation:
  type: event_count
  rules: [bad_word]
  group-by: [id.orig_h]
  generate: true
  timespan: 5m
  condition: {gte: 2}
"""


def dead(
    offset: int, payload: bytes = HOSTILE, reason: str = "not JSON", size: int | None = None
) -> DeadLetter:
    position = Position(TOPIC.uid, 0, offset)
    return DeadLetter(position, reason, payload, len(payload) if size is None else size, START)


def dead_batch(*letters: DeadLetter, forward: str = "") -> BatchResult:
    return BatchResult(dead=list(letters), sources=[TOPIC], counts={"dead": len(letters)}, forward=forward)


@pytest.fixture(scope="module")
def rulebook(tmp_path_factory: pytest.TempPathFactory) -> Rulebook:
    folder = tmp_path_factory.mktemp("rules")
    (folder / "rules.yml").write_text(RULES)
    return load_rulebook([folder], cache=Cache(None))


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setenv("XDRTUI_WORKSPACE", str(tmp_path / "workspace"))
    return tmp_path / "workspace"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(make_group(), ["deadletters", *arguments])


def test_a_hostile_dead_letter_is_listed_and_shown_harmlessly_within_80_columns(workspace: Path) -> None:
    with Store.open(workspace) as store:
        store.commit_batch(dead_batch(dead(123456, reason=HOSTILE.decode("utf-8", "replace"))))
        store.commit_batch(dead_batch(dead(123457, HOSTILE[:29])))
    shown = [run("list"), run("show", "1"), run("show", "2"), run("show", "1", "--all")]
    for result in shown:
        assert result.exit_code == 0, result.output
        for line in result.stdout.splitlines():
            assert is_harmless(line) and cells(line) <= WIDTH, line
    assert "2 dead letters" in shown[0].stderr
    assert "1b 5d 30 3b" in shown[1].stdout and "␛]0;owned" in shown[2].stdout


def test_a_list_can_be_read_by_programs_and_narrowed(workspace: Path) -> None:
    with Store.open(workspace) as store:
        store.commit_batch(dead_batch(dead(1), dead(2, reason="Not JSON: nested too deep")))
    result = run("list", "--reason", "deep", "--format", "jsonl")
    (row,) = map(json.loads, result.stdout.splitlines())
    assert row["position"] == {"source": TOPIC.uid, "partition": 0, "offset": 2, "index": 0}
    assert base64.b64decode(row["payload"]) == HOSTILE
    assert row["text"] is None
    assert run("list", "--source", "elsewhere").stdout.count("\n") == 1


def test_raw_bytes_come_out_as_they_came(workspace: Path) -> None:
    with Store.open(workspace) as store:
        store.commit_batch(dead_batch(dead(1)))
    assert run("show", "1", "--raw").stdout_bytes == HOSTILE


def test_a_number_that_is_not_there_is_said(workspace: Path) -> None:
    with Store.open(workspace):
        pass
    result = run("show", "7")
    assert result.exit_code == 1 and "there is no dead letter 7" in result.output


def test_a_retried_letter_takes_the_place_it_always_had(tmp_path: Path, rulebook: Rulebook) -> None:
    process = Process(rulebook)
    with Store.open(tmp_path / "late") as late, Store.open(tmp_path / "clean") as clean:
        for store in (late, clean):
            store.set_rules(rulebook.rows())
        late.commit_batch(dead_batch(dead(5, GOOD)))
        (done,) = retry(late, process, deadletters.read(late.connection))
        assert (done.events, done.findings, done.decided, done.reason) == (1, 1, 0, "")
        clean.commit_batch(process.run(Messages(TOPIC, 0, [5], [GOOD], [START])))
        for store in (late, clean):
            Correlator(store, rulebook.correlations).fold()
        assert list(export_alerts(late.connection)) == list(export_alerts(clean.connection)) != []
        query = "SELECT rule, source, partition, offset, idx, alert FROM findings"
        assert late.connection.execute(query).fetchall() == clean.connection.execute(query).fetchall()
        assert late.dead_letters() == []
        assert (late.counts()["dead"], late.counts()["events"]) == (0, 1)


def test_a_part_of_a_message_keeps_its_number_within_it(tmp_path: Path, rulebook: Rulebook) -> None:
    with Store.open(tmp_path) as store:
        store.set_rules(rulebook.rows())
        third = msgspec.structs.replace(dead(5, GOOD), position=Position(TOPIC.uid, 0, 5, 2))
        store.commit_batch(dead_batch(third))
        list(retry(store, Process(rulebook), deadletters.read(store.connection)))
        assert store.connection.execute("SELECT offset, idx FROM findings").fetchall() == [(5, 2)]


def test_what_stays_unreadable_stays_a_dead_letter(tmp_path: Path, rulebook: Rulebook) -> None:
    with Store.open(tmp_path) as store:
        store.commit_batch(dead_batch(dead(5), dead(6, GOOD[:20], size=90_000)))
        before = store.dead_letters()
        cut, unread = retry(store, Process(rulebook), deadletters.read(store.connection))
        assert (cut.events, unread.events) == (0, 0)
        assert unread.reason.startswith("not JSON")
        assert "only 20 of its 90,000 bytes are kept" in cut.reason
        assert store.dead_letters() == before and store.counts()["dead"] == 2


def test_a_damaged_batch_of_kafkas_is_never_taken_for_a_message(tmp_path: Path, rulebook: Rulebook) -> None:
    with Store.open(tmp_path) as store:
        store.commit_batch(dead_batch(dead(5, GOOD, reason="Kafka batch: its CRC is wrong: offset 5")))
        (done,) = retry(store, Process(rulebook), deadletters.read(store.connection))
        assert done.events == 0 and "a batch of Kafka that came damaged" in done.reason


def test_a_letter_that_was_cut_is_read_whole_where_it_still_stands(
    tmp_path: Path, rulebook: Rulebook
) -> None:
    with Store.open(tmp_path) as store:
        store.commit_batch(dead_batch(dead(6, GOOD[:20], size=len(GOOD))))
        rows = deadletters.read(store.connection)
        (other,) = retry(store, Process(rulebook), rows, lambda row: b"another message")
        assert other.events == 0
        (done,) = retry(store, Process(rulebook), rows, lambda row: GOOD)
        assert done.findings == 1


def test_a_window_that_was_already_decided_is_said(tmp_path: Path, rulebook: Rulebook) -> None:
    with Store.open(tmp_path) as store:
        store.commit_batch(dead_batch(dead(5, GOOD)))
        store.commit_batch(batch([found(time=START + HOUR)], [mark(1, watermark=START + HOUR)]))
        (done,) = retry(store, Process(rulebook), deadletters.read(store.connection))
        assert (done.findings, done.decided) == (1, 1)


def test_two_who_retry_the_same_letter_make_its_events_once(tmp_path: Path, rulebook: Rulebook) -> None:
    with Store.open(tmp_path) as store:
        store.commit_batch(dead_batch(dead(5, GOOD)))
        rows = deadletters.read(store.connection)
        outcomes = [next(retry(store, Process(rulebook), rows)).reason for _ in range(2)]
        assert outcomes == ["", "somebody else retried it"]
        assert store.counts() == {"dead": 0, "events": 1, "routed": 1}


def test_the_retry_command_reads_again_and_makes_alerts(workspace: Path) -> None:
    with Store.open(workspace) as store:
        store.commit_batch(dead_batch(dead(5, GOOD), dead(6)))
    assert run("retry").exit_code == 2
    result = run("retry", "--all", "--format", "jsonl")
    assert result.exit_code == 0, result.output
    assert "1 of 2 dead letters could be read: 1 event," in result.stderr
    assert [json.loads(line)["events"] for line in result.stdout.splitlines()] == [1, 0]
    assert "still dead: not JSON" in run("retry", "2").stdout


def test_a_letter_is_put_into_the_outbox_once_and_under_the_same_key(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        for _ in range(2):
            store.commit_batch(dead_batch(dead(5), dead(6), forward="events.dlq"))
        due = deadletters.outgoing(store.connection)
        assert [(each.to, each.row.letter.position.offset) for each in due] == [
            ("events.dlq", 5),
            ("events.dlq", 6),
        ]
        assert due[0].key == deadletters.key_of(Position(TOPIC.uid, 0, 5))
        with store.transaction():
            deadletters.mark_sent(store.connection, [due[0].id], 1)
            deadletters.mark_failed(store.connection, [due[1].id], "no such topic")
        store.commit_batch(dead_batch(dead(5), forward="events.dlq"))
        assert [each.key for each in deadletters.outgoing(store.connection)] == [due[1].key]


def test_a_retried_letter_is_not_sent_any_more(tmp_path: Path, rulebook: Rulebook) -> None:
    with Store.open(tmp_path) as store:
        store.commit_batch(dead_batch(dead(5, GOOD), forward="events.dlq"))
        list(retry(store, Process(rulebook), deadletters.read(store.connection)))
        assert store.connection.execute("SELECT count(*) FROM outbox").fetchone() == (0,)


@pytest.mark.parametrize(
    "arguments", [["show", "9" * 20], ["retry", "9" * 20], ["list", "--limit", "9" * 20]]
)
def test_a_number_that_no_database_holds_is_a_wrong_number(workspace: Path, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_a_flood_of_dead_letters_keeps_places_and_reasons_and_fills_no_disk(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadletters, "MOST_BYTES", 1_000)
    with Store.open(workspace) as store:
        store.commit_batch(dead_batch(*(dead(offset, b"x" * 300) for offset in range(5))))
        kept = {
            row.letter.position.offset: len(row.letter.payload) for row in deadletters.read(store.connection)
        }
        assert kept == {0: 300, 1: 300, 2: 300, 3: 0, 4: 0}
        assert [row.cut for row in deadletters.read(store.connection)] == [True, True, False, False, False]
        (fault,) = [each for each in workers.faults(store.connection) if each.key == deadletters.FULL]
        assert "only place and reason are kept" in fault.text
        assert fault.happened, "what was not kept cannot come back: somebody sees and dismisses it"
        with store.transaction():
            deadletters.take_back(store.connection, [Position(TOPIC.uid, 0, 0)])
        store.commit_batch(dead_batch(dead(9, b"y" * 300), dead(1)))  # the other comes a second time
        kept = {
            row.letter.position.offset: len(row.letter.payload) for row in deadletters.read(store.connection)
        }
        assert kept == {1: 300, 2: 300, 3: 0, 4: 0, 9: 300}


def test_what_unpacked_as_json_was_cut_is_known_again_by_its_beginning(
    tmp_path: Path, rulebook: Rulebook
) -> None:
    """The topic still has the message as it came, in the framing of its registry."""
    with Store.open(tmp_path) as store:
        store.commit_batch(dead_batch(dead(5, GOOD[:20], size=90_000)))
        rows = deadletters.read(store.connection)
        (done,) = retry(store, Process(rulebook), rows, lambda row: b"\0raw", lambda row, raw: (GOOD, ""))
        assert (done.events, done.reason) == (1, "")


def test_discarding_takes_the_payloads_alone_and_the_ledger_says_by_whom(workspace: Path) -> None:
    with Store.open(workspace) as store:
        store.commit_batch(dead_batch(dead(1), dead(2, reason="nested too deep"), dead(3, b"")))
        kept = workers.cursor(store.connection, deadletters.KEPT)
    result = run("discard", "--reason", "deep")
    assert result.exit_code == 0 and "1 payload discarded" in result.stderr
    with Store.open(workspace, readonly=True) as store:
        letters = {row.number: row for row in deadletters.read(store.connection)}
        assert workers.cursor(store.connection, deadletters.KEPT) == kept - len(HOSTILE)
    assert (letters[1].letter.payload, letters[1].cut) == (HOSTILE, False)
    gone = letters[2].letter
    assert (gone.payload, gone.size, gone.reason) == (b"", len(HOSTILE), "nested too deep")
    with Desk.open(workspace, Principal("ada", "here"), readonly=True) as desk:
        (entry,) = desk.entries()
    assert entry.kind == "discard" and entry.body["numbers"] == [2] and entry.author
    again = run("discard", "2")
    assert again.exit_code == 0 and "None of these has a payload" in again.stderr


def test_discarding_many_asks_first_and_only_what_was_chosen_goes(workspace: Path) -> None:
    with Store.open(workspace) as store:
        store.commit_batch(dead_batch(*map(dead, range(20))))
        new = msgspec.structs.replace(dead(20), ingest=store.clock())
        store.commit_batch(dead_batch(new))
    assert run("discard").exit_code == 2, "of what?"
    assert run("discard", "--before", "1d").exit_code == 1, "nobody said yes"
    result = run("discard", "--before", "1d", "--yes")
    assert result.exit_code == 0
    assert f"20 payloads discarded: room for {20 * len(HOSTILE)} bytes more" in result.stderr
    with Store.open(workspace, readonly=True) as store:
        assert [row.number for row in deadletters.read(store.connection) if not row.cut] == [21]


def test_a_letter_that_waits_to_be_sent_keeps_its_payload_until_then(workspace: Path) -> None:
    with Store.open(workspace) as store:
        store.commit_batch(dead_batch(dead(1), forward="events.dlq"))
        result = run("discard", "--all")
        assert "1 dead letter left" in result.stderr and "None of these" in result.stderr
        with store.transaction():
            deadletters.mark_sent(
                store.connection, [each.id for each in deadletters.outgoing(store.connection)], 1
            )
    assert "1 payload discarded" in run("discard", "1").stderr


def test_a_discarded_letter_is_read_again_from_its_topic_unless_another_message_stands_there(
    tmp_path: Path, rulebook: Rulebook
) -> None:
    process = Process(rulebook)
    with Store.open(tmp_path) as store:
        store.commit_batch(dead_batch(dead(5, GOOD)))
        with store.transaction():
            assert deadletters.discard(store.connection, [1]) == (1, len(GOOD))
        (row,) = deadletters.read(store.connection)
        (done,) = retry(store, process, [row], lambda _: GOOD + b" ")
        assert not done.events and "no longer where it stood" in done.reason
        (done,) = retry(store, process, [row], lambda _: GOOD)
        assert done.events == 1
