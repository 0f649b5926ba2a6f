"""The filter language: what terms find, and where errors stand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.xdrtui.store_samples import SECOND, START, batch, found
from xdrtui.pipeline.correlator import Correlator
from xdrtui.store.batch import RuleRow
from xdrtui.store.store import Store
from xdrtui.triage.defang import refang
from xdrtui.triage.desk import AlertQuery, Desk, Principal
from xdrtui.triage.grammar import QueryError
from xdrtui.triage.query import parse


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    directory = tmp_path_factory.mktemp("desk")
    with Store.open(directory) as store:
        store.set_rules(
            [
                RuleRow("rule-a", "1", "Mimikatz in memory", "high", techniques=("T1003.001",)),
                RuleRow("rule-b", "2", "Log cleared", "low", techniques=("T1070",)),
            ]
        )
        powershell = (("host", "WEB-01"), ("address", "10.0.0.5"), ("process", "PowerShell.exe"))
        started = "powershell.exe -enc AAAA started by winword.exe"
        loaded = "certutil.exe downloads évil.exe"
        later = START + 60 * SECOND
        cleared = {"host": "dc01", "summary": "log cleared", "rule_hash": "2"}
        one = found(
            offset=1, host="WEB-01", level="high", rule_hash="1", summary=started, entities=powershell
        )
        two = found(offset=2, host="web-02", user="bob", level="low", time=later, summary=loaded)
        three = found("rule-b", offset=3, level="critical", **cleared)
        store.commit_batch(batch([one, two, three, found("rule-b", offset=4, **cleared)]))
        with Correlator(store) as correlator:
            correlator.fold()
    desk = Desk.open(directory, Principal("ada", "here"))
    desk.close([row.id for row in desk.alerts(AlertQuery("host:web-02"))], "false_positive_rule")
    desk.own([row.id for row in desk.alerts(AlertQuery("host:dc01"))], "ada")
    return desk


def hosts(desk: Desk, text: str, now: int = START + 600 * SECOND) -> str:
    rows = desk.alerts(AlertQuery(text, order="host", me="ada", now=now))
    assert desk.count(AlertQuery(text, me="ada", now=now)) == len(rows)
    return " ".join(row.host for row in rows)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "dc01 WEB-01 web-02"),
        ("level>=medium", "dc01 WEB-01"),
        ("level:crit", "dc01"),
        ("level<high", "web-02"),
        ("state:open", "dc01 WEB-01"),
        ("state:closed", "web-02"),
        ("host:web-01", "WEB-01"),
        ("host:web-*", "WEB-01 web-02"),
        ("not host:web-*", "dc01"),
        ("host:WEB-01 or host:dc01", "dc01 WEB-01"),
        ("(host:web-* or host:dc01) level>=high", "dc01 WEB-01"),
        ("user:ADA level:high", "WEB-01"),
        ("owner:me", "dc01"),
        ("owner:none", "WEB-01 web-02"),
        ("rule:mimikatz", "WEB-01 web-02"),
        ("rule:rule-b", "dc01"),
        ("disposition:false_positive_rule", "web-02"),
        ("attack:T1003", "WEB-01 web-02"),
        ("technique:t1003.001 level:high", "WEB-01"),
        ("attack:T100", ""),
        ("count>=2", "dc01"),
        ("address:10[.]0[.]0[.]5", "WEB-01"),
        ("ip:10.0.0.*", "WEB-01"),
        ("process:powershell.exe", "WEB-01"),
        ("involves:dc01", "dc01"),
        ("powershell", "WEB-01"),
        ("PowerShell.exe", "WEB-01"),
        ("powersh*", "WEB-01"),
        ('"started by winword"', "WEB-01"),
        ('"winword started"', ""),
        ("évil", "web-02"),
        ("cleared ada", "dc01"),
        ("cleared or certutil", "dc01 web-02"),
        ("not cleared", "WEB-01 web-02"),
        ("10.0.0.5", "WEB-01"),
        ("seen>=-580s", "web-02"),
        ("last>=2023-11-14T22:00Z last<2023-11-14T22:01:00Z", "dc01 WEB-01"),
        ("kind:rule level:low", "web-02"),
        ('"or"', ""),
    ],
)
def test_terms_find(desk: Desk, text: str, expected: str) -> None:
    assert hosts(desk, text) == expected


@pytest.mark.parametrize(
    ("text", "message", "position"),
    [
        ("level>=loud", "level is one of", 7),
        ("  hots:x", "did you mean host", 2),
        ("(host:x", r"'\(' is not closed", 0),
        ("host:x )", r"no '\(' for this '\)'", 7),
        ("not", "something is missing", 0),
        ("host:x or", "something is missing", 7),
        ("or host:x", "cannot stand here", 0),
        ('say "this', "quote is not closed", 4),
        ("host:", "wants a value", 5),
        ("host>x", "takes only ':'", 0),
        ("count:many", "whole number", 6),
        ("last:soon", "a time is", 5),
        ("a*b", "end of a word", 0),
        ("--", "no letter or digit", 0),
        (r"C:\Windows", "put it in quotes", 0),
    ],
)
def test_an_error_says_what_is_wrong_and_where(text: str, message: str, position: int) -> None:
    with pytest.raises(QueryError, match=message) as caught:
        parse(AlertQuery(text, now=START))
    assert caught.value.position == position
    assert f"(at character {position + 1})" in str(caught.value)


def test_values_are_never_part_of_the_statement(desk: Desk) -> None:
    for text in ("host:x'--", '"\' OR 1=1"', "rule:%_x", "host:[a]*", '"a\\"', 'user:"o\'x"'):
        assert hosts(desk, text) == ""


def test_defanged_values_are_what_they_stand_for() -> None:
    assert refang("hxxps://evil[.]example[:]8080") == "https://evil.example:8080"


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet=st.sampled_from('abAB01 ()":*<>=-._[]\\/notr\u00e9\u202e\0'), max_size=30))
def test_any_text_is_a_query_or_a_query_error(desk: Desk, text: str) -> None:
    try:
        desk.alerts(AlertQuery(text, now=START))
    except QueryError as error:
        assert 0 <= error.position <= len(text)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5_000 + "a" + ")" * 5_000,
        "not " * 5_000 + "a",
        " or ".join(f"a{n}" for n in range(5_000)),
        "host:\udcff",
    ],
    ids=["brackets", "not", "or", "no character"],
)
def test_what_no_database_takes_is_an_error_of_the_filter(text: str) -> None:
    with pytest.raises(QueryError):
        parse(AlertQuery(text))


@pytest.mark.parametrize(
    "text",
    [
        "not " * 40 + "a",
        "not (b or " * 20 + "a" + ")" * 20,
        "(" * 40 + "a b or c" + ")" * 40,
        " or ".join(["host:a b"] * 160),
        "last>0001-01-01",
        "last<9999-12-31",
    ],
)
def test_the_most_that_a_filter_takes_the_database_takes(text: str, desk: Desk) -> None:
    desk.alerts(AlertQuery(text, now=1), 10, 0)


def test_a_host_is_found_by_the_short_name_that_stands_on_the_screen(tmp_path: Path) -> None:
    names = ("DC-01", "dc-01.alderbrook.example", "dc-010.example", "web.dc-01.example")
    with Store.open(tmp_path) as store:
        store.commit_batch(
            batch([found(offset=number, host=name, user=name) for number, name in enumerate(names)])
        )
        with Correlator(store) as correlator:
            correlator.fold()
        plan = store.connection.execute(
            "EXPLAIN QUERY PLAN SELECT seq FROM alerts a WHERE"
            " (a.host_key = 'dc-01') OR (a.host_key GLOB 'dc-01.*')"
        ).fetchall()
        assert not any("SCAN" in str(row[3]) for row in plan), "both by the index"
    desk = Desk.open(tmp_path, Principal("ada", "here"))
    assert hosts(desk, "host:dc-01") == "DC-01 dc-01.alderbrook.example"
    assert hosts(desk, "host:DC-01.alderbrook.example") == "dc-01.alderbrook.example"
    assert hosts(desk, "not host:dc-01") == "dc-010.example web.dc-01.example"
