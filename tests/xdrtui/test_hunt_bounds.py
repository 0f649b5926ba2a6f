"""What a hunt takes, whatever is asked: long queries, other cases, segments that are still hot, heavy SQL."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from detectors.sigma import expression
from detectors.sigma.keywords import Keywords
from detectors.sigma.match import SigmaDetector
from detectors.sigma.rules import RuleSet
from tests.xdrtui.archive_samples import commit, decoded
from xdrtui.commands import make_group
from xdrtui.commands.bounded import apart
from xdrtui.hunt.query import MOST_FIELDS, like, parse_query
from xdrtui.hunt.suspects import necessary
from xdrtui.store.archive import read
from xdrtui.store.archive.read import Reader
from xdrtui.store.archive.writer import Writer
from xdrtui.store.store import Store
from xdrtui.triage.grammar import QueryError


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Forty events in a segment that is still written: no column of Parquet yet."""
    directory = tmp_path / "store"
    with Store.open(directory) as store:
        writer = Writer(store, clock=time.time_ns)
        for start in range(0, 40, 10):
            commit(store, writer, range(start, start + 10))
        writer.close()
    return directory


def hunt(workspace: Path, *arguments: str) -> Result:
    settings = workspace.parent / "settings.yml"
    settings.write_text(f"profiles: {{here: {{workspace: {workspace}}}}}\n", "utf-8")
    return CliRunner().invoke(make_group(), ["--settings", str(settings), "hunt", *arguments])


@pytest.fixture
def reader(workspace: Path) -> Iterator[Reader]:
    with Store.open(workspace, readonly=True) as store, Reader(store) as opened:
        yield opened


def test_fields_of_a_segment_that_is_still_written_are_known_in_any_case_and_to_sql(workspace: Path) -> None:
    exact, folded = hunt(workspace, "CommandLine:run*"), hunt(workspace, "commandline:RUN*")
    assert len(exact.stdout.splitlines()) == 14
    assert folded.stdout == exact.stdout
    answer = hunt(workspace, "--sql", "select count(CommandLine) as n from events where Image like '%.exe'")
    assert answer.stdout == "n\n14\n"


def test_a_long_query_is_no_name_of_a_file(workspace: Path) -> None:
    found = hunt(workspace, " or ".join(f'CommandLine:"run {number}"' for number in range(3, 2000, 3)))
    assert found.exit_code == 0
    assert len(found.stdout.splitlines()) == 13


def test_a_query_that_ends_like_a_rule_s_name_is_a_query(workspace: Path) -> None:
    assert "0 found in 40 of 40" in hunt(workspace, "TargetFilename:*.yml").stderr
    assert "there is no rule at gone.yml" in hunt(workspace, "gone.yml").stderr


def test_an_empty_query_is_not_the_folder_one_stands_in(workspace: Path) -> None:
    answer = hunt(workspace, "")
    assert answer.exit_code == 1
    assert "say what to look for" in answer.stderr


def test_a_query_asks_of_so_many_fields_and_of_as_many_values_as_one_likes() -> None:
    parse_query(" or ".join(f"a:{number}" for number in range(5_000)))
    with pytest.raises(QueryError, match="at most 200 different fields"):
        parse_query(" or ".join(f"a{number}:b" for number in range(MOST_FIELDS + 1)))


def test_a_text_longer_than_any_pattern_may_be_is_looked_for() -> None:
    text = "x" * 100_000
    detector = SigmaDetector(RuleSet([parse_query(text)]))
    frames = decoded([1], [b'{"_path":"conn","uid":"%s"}' % text.encode()])
    (found,) = (detector.detect(frame.frame) for frame in frames)
    assert list(found.rows) == [0]
    assert list(Keywords(()).suspects([b"a"])) == [0]


def test_a_test_that_must_not_hold_says_nothing_of_an_event_s_bytes() -> None:
    assert necessary(expression.Test("Image", like("*mimikatz*"))) == {"mimikatz"}
    assert necessary(expression.Test("Image", like("*mimikatz*"), negated=True)) is None


def test_a_reader_that_is_let_go_within_a_hot_segment_ends_quietly(
    reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "ROWS_AT_ONCE", 10)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        parts = reader.parts(reader.files[0])
        next(parts)
        parts.close()  # type: ignore[attr-defined]
        gc.collect()


def test_a_limit_says_how_many_were_shown(workspace: Path) -> None:
    assert hunt(workspace, "--limit", "2", "uid:C*").stderr.startswith("2 found in ")


def test_a_wrong_name_in_sql_is_told_without_the_plan(workspace: Path) -> None:
    answer = hunt(workspace, "--sql", "select nothing from events")
    assert "unable to find column" in answer.stderr
    assert "SCAN" not in answer.stderr


# --- SQL that would take everything

HEAVY = "select " + ", ".join(f"{table}.raw as {table}" for table in "abcde")
HEAVY += " from " + ", ".join(f"events {table}" for table in "abcde") + " order by 1 desc"
"""A hundred million rows of five texts each."""


def heavy(workspace: Path, *more: str) -> subprocess.Popen[bytes]:
    hunt(workspace, "nothing")  # writes the settings
    settings = str(workspace.parent / "settings.yml")
    command = [sys.executable, "-m", "xdrtui", "--settings", settings, "hunt", "--sql", *more, HEAVY]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_sql_ends_with_a_sentence_where_it_takes_too_much_memory(workspace: Path) -> None:
    with heavy(workspace, "--memory", "400") as process:
        _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.startswith(b"Ended: this takes more than 400 MB of memory.")


def test_sql_hears_ctrl_c_while_polars_works(workspace: Path) -> None:
    with heavy(workspace, "--memory", "3000") as process:
        time.sleep(1.5)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert time.monotonic() - begun < 10
    assert process.returncode == 1
    assert b"Ended" not in said


def test_work_apart_gives_the_same_items_and_errors() -> None:
    def work(numbers: Sequence[int]) -> Iterator[float]:
        for number in numbers:
            yield 1 / number

    assert list(apart(work([1, 2, 4]))) == [1.0, 0.5, 0.25]
    items = apart(work([1, 0]))
    assert next(items) == 1.0
    with pytest.raises(ZeroDivisionError):
        next(items)
    endless = apart(iter(int, 1))
    assert next(endless) == 0
    endless.close()  # type: ignore[attr-defined]
