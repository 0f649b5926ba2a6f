"""Hunts find what a scan would have found, from columns, from raw events, before and after rolling."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from click.testing import CliRunner

from detectors.sigma import rules as sigma
from detectors.sigma.match import SigmaDetector
from detectors.sigma.rules import RuleSet
from xdrtui.commands import make_group
from xdrtui.events.layouts.layout import load_layouts
from xdrtui.hunt.query import parse_query
from xdrtui.hunt.search import Hit, Search
from xdrtui.hunt.suspects import Suspects, necessary
from xdrtui.hunt.tables import SqlError, Tables
from xdrtui.pipeline.fill import fill
from xdrtui.pipeline.rulebook import Rulebook, load_rulebook
from xdrtui.pipeline.scan import Match, scan
from xdrtui.store.archive.read import Reader
from xdrtui.store.archive.retention import Bounds
from xdrtui.store.store import Store
from xdrtui.triage.grammar import QueryError

INVOICE = sorted((Path(__file__).parents[2] / "sample_data" / "invoice").glob("*.gz"))


@pytest.fixture(scope="module")
def rulebook() -> Rulebook:
    return load_rulebook()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory, rulebook: Rulebook) -> Path:
    """The events of a scenario, archived."""
    directory = tmp_path_factory.mktemp("archive") / "store"
    fill(directory, INVOICE, rulebook, archive=Bounds())
    return directory


def hunted(
    workspace: Path,
    rules: RuleSet | str | SigmaDetector,
    *,
    from_raw: bool = False,
    since: int | None = None,
    until: int | None = None,
) -> tuple[list[Hit], Search]:
    with Store.open(workspace, readonly=True) as store, Reader(store, since, until) as reader:
        if isinstance(rules, str):
            rules = RuleSet([parse_query(rules, reader.fields)])
        detector = rules if isinstance(rules, SigmaDetector) else SigmaDetector(rules)
        search = Search(reader, detector, load_layouts(), store.sources(), from_raw=from_raw)
        hits = list(search.hits())
        assert reader.faults == []
        return hits, search


@pytest.mark.parametrize("from_raw", [False, True])
def test_a_retro_hunt_finds_what_a_scan_finds(workspace: Path, rulebook: Rulebook, from_raw: bool) -> None:
    matches: list[Match] = []

    def note(found: Sequence[Match]) -> None:
        matches.extend(found)

    scan(INVOICE, rulebook, on_matches=note)
    hits, search = hunted(workspace, rulebook.detector, from_raw=from_raw)
    with Store.open(workspace, readonly=True) as store:
        names = {uid: source.name for uid, source in store.sources().items()}
    found = sorted(
        (hit.rule, names[hit.position.source], hit.position.offset, hit.position.index) for hit in hits
    )
    assert found == sorted((match.rule, match.source, match.offset, match.index) for match in matches)
    assert len(found) > 100
    assert (search.progress.decoded == 0) is not from_raw, "the columns that rules need are all there"


QUERIES = [
    "CommandLine:*powershell* not user:*nobody*",
    "type:zeek.conn id.resp_p>=1000 id.resp_p<2000",
    "commandline:*-enc* or Image:*\\whoami.exe",
    "type:windows.sysmon.3 host:* address:10.0.0.0/8",
    '"downloadstring"',
    "certutil",
    "History:ShADad* duration>=1",  # no rule asks for these: the archive has no columns of them
    "not type:*",
]


@pytest.mark.parametrize("query", QUERIES)
def test_a_query_finds_the_same_from_columns_and_from_raw_events(workspace: Path, query: str) -> None:
    hits, _ = hunted(workspace, query)
    assert hits == hunted(workspace, query, from_raw=True)[0]
    assert bool(hits) is (query not in QUERIES[-2:])


def test_every_suspect_is_among_the_suspects(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = {query: hunted(workspace, query, from_raw=True)[0] for query in (*QUERIES[2:3], *QUERIES[4:6])}
    monkeypatch.setattr(Suspects, "among", lambda self, raws: range(len(raws)))
    for query, hits in found.items():
        assert hunted(workspace, query, from_raw=True)[0] == hits


def test_few_events_are_taken_apart_where_a_text_must_occur(workspace: Path) -> None:
    _, search = hunted(workspace, "CommandLine:*certutil*", from_raw=True)
    assert 0 < search.progress.decoded < search.progress.total / 20


@pytest.mark.parametrize(
    ("query", "texts"),
    [
        ("Image:*mimikatz*", {"mimikatz"}),
        ("Image:*mimikatz* or CommandLine:*sekurlsa*", {"mimikatz", "sekurlsa"}),
        ("Image:*mimikatz* user:al", {"mimikatz"}),
        ("not Image:*mimikatz*", None),
        ("Image:*mimikatz* or port>=4", None),
        ("ProcessId:4660", None),  # may be written 0x1234
        ("IntegrityLevel:Untrusted", None),  # a layout's table says it
    ],
)
def test_texts_that_a_match_must_hold(query: str, texts: set[str] | None) -> None:
    assert necessary(parse_query(query).expression) == texts


def test_times_bound_a_hunt(workspace: Path) -> None:
    hits, _ = hunted(workspace, "type:windows.sysmon.1")
    middle = hits[len(hits) // 2].time
    before, _ = hunted(workspace, "type:windows.sysmon.1", until=middle)
    after, _ = hunted(workspace, "type:windows.sysmon.1", since=middle)
    assert len(before) > 0
    assert len(after) > 0
    assert sorted(before + after, key=lambda hit: hit.position) == sorted(hits, key=lambda hit: hit.position)


@pytest.mark.parametrize(
    ("query", "words"),
    [("", "say what"), ("(a:b", "not closed"), ("port>=many", "wants a number"), ("or", "cannot stand here")],
)
def test_a_wrong_query_says_where(query: str, words: str) -> None:
    with pytest.raises(QueryError, match=words):
        parse_query(query)


def test_a_path_and_a_url_are_texts() -> None:
    for query in ("C:\\Windows\\x.exe", "http://a.example/b", "fe80::1"):
        (test,) = sigma.tests_of(parse_query(query).expression)
        assert test.field == ""


# --- SQL

REFUSED = [
    "select * from read_csv('/etc/passwd')",
    "select * from \"read_csv\"('/etc/passwd')",
    "SELECT * FROM READ_PARQUET('/etc/passwd')",
    "with x as (select * from read_json('/etc/passwd')) select * from x",
    "select * from read_ipc('/etc/passwd') as events",
    "select $$'$$ as a from read_csv('/etc/passwd') -- '",
    "select e'\\'' as a from read_csv('/etc/passwd') -- '",
    "select /* /* */ ' */ 1 from read_csv('/etc/passwd') -- '",
    "select * from events where 'a",
    "create table x as select * from events",
    "drop table events",
    "truncate table events",
    "delete from events",
    "show tables",
    "explain select * from events",
    "select 1; select 2",
    "",
    "select * from '/etc/passwd'",
    "select * from nothing",
    "select nothing from events",
]


@pytest.fixture
def tables(workspace: Path) -> Iterator[Tables]:
    with Store.open(workspace, readonly=True) as store, Reader(store) as reader:
        yield Tables(reader)


@pytest.mark.parametrize("statement", REFUSED)
def test_sql_reaches_nothing_but_the_archive(tables: Tables, statement: str) -> None:
    with pytest.raises(SqlError):
        list(tables.ask(statement))


@pytest.mark.parametrize(
    "statement", ["SELECT 1 UNION ALL " * 300 + "SELECT 1", "SELECT 1" + "+1" * 1_500, "SELECT '\udcff'"]
)
def test_what_polars_would_die_of_is_refused(tables: Tables, statement: str) -> None:
    with pytest.raises(SqlError, match=r"too long|no character"):
        tables.plan(statement)


def test_sql_asks_the_events(tables: Tables, workspace: Path) -> None:
    (answer,) = tables.ask("select count(*) as n, min(event_type) as a from events;")
    with Store.open(workspace, readonly=True) as store:
        assert answer["n"].item() == store.counts()["events"]
    question = (
        "select Image, \"host.name\" from events where event_type = 'windows.sysmon.1'"
        " and CommandLine like '%read_csv%' or lower(Image) like '%certutil.exe' order by time limit 2"
    )
    (answer,) = tables.ask(question)
    assert answer.columns == ["Image", "host.name"]
    assert all("certutil" in image.lower() for image in answer["Image"])


# --- the command


def run(workspace: Path, *arguments: str) -> tuple[int, str, str]:
    result = CliRunner(env={"XDRTUI_WORKSPACE": str(workspace)}).invoke(make_group(), ["hunt", *arguments])
    return result.exit_code, result.stdout, result.stderr


def test_the_command_prints_events_as_objects(workspace: Path) -> None:
    code, out, err = run(workspace, "Image:*certutil.exe", "--format", "jsonl")
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert {each["event_type"] for each in found} <= {"windows.sysmon.1", "windows.security.4688"} | {
        each["event_type"] for each in found if each["event_type"].startswith("windows.sysmon.")
    }
    assert all("certutil" in each["raw"] for each in found)
    assert f"{len(found)} found in" in err


def test_the_command_takes_a_rule_as_the_query(workspace: Path, tmp_path: Path) -> None:
    rule = tmp_path / "rule.yml"
    rule.write_text(
        "title: A tool\nid: 5f7f1f5c-0b5a-4a3e-9d55-000000000009\nlevel: high\n"
        "logsource: {product: windows, category: process_creation}\n"
        "detection: {selection: {Image|endswith: '\\certutil.exe'}, condition: selection}\n"
    )
    code, out, _ = run(workspace, str(rule), "--limit", "1")
    assert code == 0
    assert "[A tool]" in out
    assert run(workspace, str(tmp_path / "none.yml"))[0] == 1


def test_the_command_answers_sql(workspace: Path) -> None:
    code, out, _ = run(workspace, "--sql", "select count(*) as n from events", "--format", "jsonl")
    assert code == 0
    assert json.loads(out)["n"] > 20_000
    code, _, err = run(workspace, "--sql", "select * from read_csv('/etc/passwd')")
    assert code == 1
    assert "one table, events" in err


def test_an_empty_archive_says_so(tmp_path: Path) -> None:
    Store.open(tmp_path / "store").close()
    code, _, err = run(tmp_path / "store", "certutil")
    assert code == 0
    assert "The archive holds nothing" in err
