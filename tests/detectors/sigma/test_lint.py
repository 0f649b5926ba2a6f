"""Remarks on rules: what each kind finds, where, and what it leaves alone; and what --fix rewrites."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detectors.contract import EventType, LogSource
from detectors.sigma.lint.check import KINDS, TIDY, check_rules
from detectors.sigma.lint.fix import fix, plain
from detectors.sigma.lint.remark import Remark
from detectors.sigma.lint.source import Served
from detectors.sigma.rules import parse_rules
from tests.shared_data import require_shared
from xdrtui.pipeline.rulebook import PACK
from xdrtui.pipeline.rulecheck import remarks_on

SERVED = Served(
    (EventType("windows.sysmon.1", "windows", frozenset((LogSource("windows", "process_creation"),))),)
)
GOOD = """title: Whoami Run by a Service
id: 5f6fb2c8-9d0b-4d7a-9b8f-0a1a5ba1a2d1
status: test
description: A service asks who it is.
author: An Author
date: 2026-01-02
modified: 2026-01-03
references:
    - https://attack.mitre.org
tags:
    - attack.discovery
    - attack.t1033
    - cve.2021-1234
logsource:
    product: windows
    category: process_creation
detection:
    selection:
        Image|endswith: '\\whoami.exe'
        User: SYSTEM
    filter_main_tool:
        ParentImage|endswith: '\\tool.exe'
    condition: selection and not 1 of filter_main_*
falsepositives:
    - Tools
level: low
"""


def remarks(text: str, *, skip: frozenset[str] = frozenset()) -> list[Remark]:
    return check_rules({"r.yml": text.encode()}, SERVED, skip)


def with_detection(detection: str) -> str:
    head, rest = GOOD.split("detection:\n")
    body = "\n".join("    " + line for line in detection.strip("\n").splitlines())
    return f"{head}detection:\n{body}\nfalsepositives:{rest.split('falsepositives:')[1]}"


def fixed(text: str) -> str:
    return fix(text.encode(), lambda data: check_rules({"r.yml": data}, SERVED))[0].decode()


def test_a_good_rule_has_no_remark() -> None:
    assert remarks(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "kind", "line", "words"),
    [
        ("date: 2026-01-02", "date: 2026/1/2", "date", 6, "write 2026-01-02"),
        ("date: 2026-01-02", "date: 2026-02-30", "date", 6, "is no date"),
        ("modified: 2026-01-03", "modified: 2025-01-03", "date-order", 7, "before it was written"),
        ("attack.t1033", "attack.t9033", "tag", 12, "no technique T9033"),
        ("attack.t1033", "attack.t1059.099", "tag", 12, "T1059 is"),
        ("attack.discovery", "attack.discovry", "tag", 11, "did you mean 'discovery'"),
        ("attack.discovery", "discovery", "tag", 11, "is no tag"),
        ("attack.discovery", "atack.discovery", "tag", 11, "did you mean 'attack'"),
        ("attack.discovery", "attack.credential_access", "tag", 11, "attack.credential-access"),
        ("cve.2021-1234", "attack.t1033", "duplicate-tag", 13, "a second time"),
        ("level: low", "level: Low", "letters", 26, "write low"),
        ("title: Whoami", "title: whoami", "title", 1, "Whoami Run"),
        ("author: An Author\n", "", "missing", 1, "no author"),
        ("falsepositives:", "false_positives:", "unknown-key", 24, "did you mean 'falsepositives'"),
        ("author: An Author", "author: An Author\nauthor: Another", "duplicate-key", 6, "second time"),
        ("process_creation", "proces_creation", "log-source", 16, "did you mean 'process_creation'"),
        ("product: windows", "produkt: windows", "unknown-key", 15, "did you mean 'product'"),
        ("User: SYSTEM", "user: SYSTEM", "field", 20, "did you mean 'User'"),
        ("User: SYSTEM", "TargetFilename: x", "field", 20, "create_stream_hash events have"),
        ("User: SYSTEM", "Image|endswith: a", "duplicate-key", 20, "only the last counts"),
        ("\\whoami.exe", "whoami.exe", "bare-name", 19, "write '\\whoami.exe'"),
    ],
)
def test_a_remark_has_its_kind_place_and_remedy(old: str, new: str, kind: str, line: int, words: str) -> None:
    assert old in GOOD
    found = [each for each in remarks(GOOD.replace(old, new, 1)) if each.kind == kind]
    assert [each.line for each in found] == [line]
    assert words in str(found[0])
    assert not found[0].fatal


@pytest.mark.parametrize(
    ("detection", "kind"),
    [
        ("sel:\n  User: a\ncondition: sel and not sel", "never"),
        ("sel:\n  User: a\nsame:\n  User: a\ncondition: sel and not same", "never"),
        ("sel:\n  User: a\ncondition: sel or not sel", "always"),
        ("sel:\n  User: a\ncondition: not sel", "only-not"),
        ("sel:\n  User: a\nfilter:\n  User: b\ncondition: 1 of them", "them-filters"),
        ("sel:\n  User: a\ncondition: all of sel", "of-one"),
        ("sel:\n  User|all: [a, b]\ncondition: sel", "contradiction"),
        ("sel:\n  User: ab\n  User|startswith: b\ncondition: sel", "contradiction"),
        ("sel:\n  User|endswith: b\n  User|endswith|cased: c\ncondition: sel", "contradiction"),
        ("sel:\n  User: null\n  User|contains: c\ncondition: sel", "contradiction"),
        ("sel:\n  ProcessId|gt: 5\n  ProcessId|lt: 0\ncondition: sel", "contradiction"),
        ("sel:\n  User: '*'\ncondition: sel", "says-nothing"),
        ("sel:\n  User|contains: ''\ncondition: sel", "says-nothing"),
        ("sel:\n  User|contains: '*a*'\ncondition: sel", "star"),
        ("sel:\n  User|re: '.*a'\ncondition: sel", "star"),
        ("sel:\n  User|contains|startswith: a\ncondition: sel", "shapes"),
        ("sel:\n  User|contains|all: a\ncondition: sel", "all-of-one"),
        ("sel:\n  User:\n    - a\ncondition: sel", "single-value"),
        ("sel:\n  User:\n    - a\n    - A\ncondition: sel", "duplicate-value"),
        ("sel:\n  User|contains:\n    - a\n    - ba\ncondition: sel", "covered-value"),
        ("sel:\n  User: a\ntimeframe: 5m\ncondition: sel", "timeframe"),
    ],
)
def test_a_detection_that_cannot_do_what_it_says_is_remarked_on(detection: str, kind: str) -> None:
    assert kind in {each.kind for each in remarks(with_detection(detection))}


@pytest.mark.parametrize(
    "detection",
    [
        "sel:\n  User|contains|all: [a, b]\ncondition: sel",
        "sel:\n  User: ab\n  User|startswith: A\ncondition: sel",
        "sel:\n  User|contains: 'a\\*'\ncondition: sel",
        "sel:\n  User|cased: [a, A]\ncondition: sel",
        "sel:\n  User: null\n  User|exists: true\ncondition: sel",
        "sel:\n  ProcessId|gte: 0\n  ProcessId|lte: 0\ncondition: sel",
        "sel:\n  User|exists: false\ncondition: sel",
        "sel:\n  User: ['', a]\ncondition: sel",
        "a1:\n  User: a\na2:\n  User: b\ncondition: all of a*",
        "absent:\n  User: null\ncondition: not absent",
    ],
)
def test_a_detection_that_can_is_left_alone(detection: str) -> None:
    assert remarks(with_detection(detection)) == []


def test_log_sources_that_no_layout_brings_are_told_once() -> None:
    other = GOOD.replace("product: windows", "product: okta").replace(
        "category: process_creation", "service: okta"
    )
    found = check_rules({"a.yml": other.encode(), "b.yml": other.encode()}, SERVED)
    assert [(each.file, each.kind) for each in found] == [("a.yml", "unserved")]
    assert "2 rules look at okta/*/okta" in found[0].message


def test_kinds_can_be_left_out() -> None:
    text = GOOD.replace("level: low", "level: Low")
    assert remarks(text, skip=frozenset(("letters",))) == []


def test_a_fix_keeps_comments_layout_and_the_rest_of_the_bytes() -> None:
    text = GOOD.replace("date: 2026-01-02", "date: 2026/01/02   # first").replace(
        "attack.discovery", '"Attack.Credential_Access"   # why'
    )
    text = text.replace("Image|endswith: '\\whoami.exe'", "Image|endswith: '*\\whoami.exe' # the tool")
    wanted = text.replace("2026/01/02", "2026-01-02").replace(
        "Attack.Credential_Access", "attack.credential-access"
    )
    assert fixed(text) == wanted.replace("'*\\whoami", "'\\whoami")


def test_a_fix_makes_lists_of_one_a_value_and_takes_repeated_entries_away() -> None:
    text = GOOD.replace("User: SYSTEM", "User:\n            - 'SYSTEM'  # the system").replace(
        "    - cve.2021-1234\n", "    - attack.t1033\n"
    )
    assert fixed(text) == GOOD.replace("User: SYSTEM", "User: 'SYSTEM'  # the system").replace(
        "    - cve.2021-1234\n", ""
    )


def test_a_missing_id_is_given_one() -> None:
    text = GOOD.replace("id: 5f6fb2c8-9d0b-4d7a-9b8f-0a1a5ba1a2d1\n", "")
    once = fixed(text)
    assert once.splitlines()[1].startswith("id: ")
    assert remarks(once) == []
    assert fixed(once) == once


def test_a_fix_keeps_a_byte_order_mark_and_windows_line_ends() -> None:
    text = GOOD.replace("level: low", "level: Low").replace("\n", "\r\n")
    data = fix(b"\xef\xbb\xbf" + text.encode(), lambda data: check_rules({"r.yml": data}, SERVED))[0]
    assert data == b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()


values = st.text(alphabet="aAbB*?\\ '\"-:#é", min_size=1, max_size=6)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(values, min_size=1, max_size=4),
    st.sampled_from(
        ["", "|contains", "|startswith", "|endswith", "|contains|all", "|cased", "|contains|windash"]
    ),
    st.sampled_from(["", "'"]),
)
def test_no_fix_changes_what_a_rule_matches(items: list[str], modifiers: str, quote: str) -> None:
    lines = "\n".join(f"    - '{value.replace(chr(39), chr(39) * 2)}'" for value in items)
    text = with_detection(f"sel:\n  User{modifiers}:\n{lines}\ncondition: sel")
    before = parse_rules({"r": text.encode()}).rules
    after = parse_rules({"r": fixed(text).encode()}).rules
    assert [plain(rule.expression) for rule in before] == [plain(rule.expression) for rule in after]


@pytest.mark.parametrize(
    "data", [b"", b"- a", b"title: [", b"\xff", b"a: &a [*a]", b"? {a: b}\n: c\n", b"--- 1\n---\n"]
)
def test_broken_files_have_no_remarks_and_do_no_harm(data: bytes) -> None:
    assert isinstance(check_rules({"r.yml": data}, SERVED), list)


def test_every_kind_is_in_the_list() -> None:
    assert set(KINDS) > TIDY


def test_the_public_rules_are_checked_fast_and_draw_few_remarks() -> None:
    folder = require_shared() / "sigmahq"
    texts = {str(path): path.read_bytes() for path in folder.rglob("*.yml")}
    began = time.process_time()
    found = remarks_on(texts)
    assert time.process_time() - began < 30
    assert len(texts) > 3_000
    assert len(found) < len(texts) / 15
    never = {"never", "always", "contradiction", "log-source", "unknown-key", "duplicate-key", "tag", "date"}
    assert [str(each) for each in found if each.kind in never] == []


def test_the_bundled_rules_are_written_well() -> None:
    texts = {str(path): path.read_bytes() for path in PACK.rglob("*.yml")}
    wrong = {"never", "always", "contradiction", "log-source", "unserved", "field", "tag", "date", "missing"}
    assert [str(each) for each in remarks_on(texts) if each.kind in wrong] == []


def test_the_manual_names_every_kind() -> None:
    page = (PACK.parents[1] / "xdrtui" / "manual" / "rule-authors.md").read_text()
    assert [kind for kind in KINDS if f"| `{kind}` |" not in page] == []
