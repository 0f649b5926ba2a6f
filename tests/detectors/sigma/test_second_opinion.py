"""The fast engine against the explainer, on generated rules and events: they must never differ.

2,000 examples by default; XDRTUI_EXAMPLES=100000 for a run of its own.
"""

import os

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.contract import NULL, EventFrame, Text
from detectors.sigma.condition import parse_condition
from detectors.sigma.explain import explain, grounds, helped, missing
from detectors.sigma.expression import Expression
from detectors.sigma.items import parse_detection
from detectors.sigma.match import SigmaDetector
from detectors.sigma.problem import RuleProblem
from detectors.sigma.rules import Rule, RuleSet
from tests.detectors.sigma.kit import TYPE, frame_of

EXAMPLES = int(os.environ.get("XDRTUI_EXAMPLES", "2000"))

letters = st.sampled_from(
    [*"aAbBkK1.0-/ \\", "\u017f", "\u212a", "ß", "é", "É", "日", "Σ", "ς", "\n", "–", "%", "'", "\0"]
)
texts = st.lists(letters, max_size=6).map("".join)
patterns = st.lists(st.one_of(letters, st.sampled_from(["*", "?", "\\*", "\\?", "\\\\"])), max_size=6).map(
    "".join
)
numbers = st.sampled_from(["0", "1", "1.0", "10", "-1", "1e1", "0.1", "nan", "01", "9" * 30])
addresses = st.sampled_from(["10.0.0.1", "10.1.0.1", "::1", "::ffff:10.0.0.1", "fe80::1%a", "x"])
times = st.sampled_from(["2026-03-04T10:11:12Z", "2026-03-04 23:30:00+02:00", "1772586669", "no"])
cells: st.SearchStrategy[Text] = st.one_of(
    st.none(),
    st.just(NULL),
    texts,
    texts,
    numbers,
    addresses,
    times,
    st.lists(st.one_of(texts, numbers), max_size=3).map(tuple),
)
events = st.dictionaries(st.sampled_from("FGH"), cells.filter(lambda cell: cell is not None), max_size=3)

shapes = st.sampled_from(["", "|contains", "|startswith", "|endswith"])
flags = st.sampled_from(["", "|cased", "|neq", "|cased|neq"])
lists = st.lists(patterns, min_size=1, max_size=3)
items = st.one_of(
    st.tuples(shapes, flags, st.sampled_from(["", "|windash", "|all"]), lists).map(
        lambda t: ("".join(t[:3]), t[3])
    ),
    st.tuples(st.just(""), st.one_of(st.none(), st.booleans(), st.integers(-2, 20), patterns)),
    st.tuples(st.sampled_from(["|exists"]), st.booleans()),
    st.tuples(
        st.sampled_from(["|gt", "|gte", "|lt", "|lte", "|gt|neq"]),
        st.sampled_from(["0", "1", "1.0", "10", "-1"]),
    ),
    st.tuples(
        st.sampled_from(["|hour", "|day", "|week|gte", "|year|lt", "|minute"]),
        st.sampled_from([10, 4, 11, 2026]),
    ),
    st.tuples(st.just("|cidr"), st.sampled_from(["10.0.0.0/8", "::1/128", "fe80::/10", "10.0.0.1"])),
    st.tuples(
        st.sampled_from(["|re", "|re|i", "|re|s", "|re|m", "|re|i|m|s"]),
        st.sampled_from(
            ["a.b", "^a", "b$", "[ab]+1", "a|b", "(a|b){2}", r"\d", "a.*b", "^$", "k", "(?:ab)?"]
        ),
    ),
    st.tuples(
        st.sampled_from(["|fieldref", "|fieldref|contains", "|fieldref|startswith", "|fieldref|endswith"]),
        st.sampled_from("GH"),
    ),
    st.tuples(
        st.sampled_from(["|base64", "|base64offset|contains", "|wide|base64offset|contains"]), st.just("abab")
    ),
)
maps = st.dictionaries(st.sampled_from("FGH"), items, min_size=1, max_size=3).map(
    lambda found: {f"{field}{modifiers}": value for field, (modifiers, value) in found.items()}
)
detections = st.one_of(
    maps, st.lists(maps, min_size=1, max_size=2), st.lists(patterns, min_size=1, max_size=2)
)
conditions = st.recursive(
    st.sampled_from(["a", "b", "c", "1 of them", "all of them"]),
    lambda inner: st.one_of(
        inner.map(lambda text: f"not ({text})"),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
    ),
    max_leaves=5,
)


def as_rule(named: dict[str, object], condition: str) -> Rule | None:
    try:
        parsed: dict[str, Expression] = {name: parse_detection(node, {}) for name, node in named.items()}
        expression, _ = parse_condition(condition, parsed)
    except RuleProblem:
        return None
    return Rule("id", "T", "high", "test", next(iter(TYPE.log_sources)), expression, "f", "hash")


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.fixed_dictionaries({"a": detections, "b": detections, "c": detections}),
    conditions,
    st.lists(events, min_size=1, max_size=8),
)
def test_engine_and_explainer_agree(
    named: dict[str, object], condition: str, batch: list[dict[str, Text]]
) -> None:
    rule = as_rule(named, condition)
    if rule is None:
        return
    detector = SigmaDetector(RuleSet([rule]))
    frame: EventFrame = frame_of(detector, batch)
    fast = set(detector.detect(frame).rows)
    again = set(detector.detect(frame).rows)
    slow = set()
    for row, event in enumerate(batch):
        values = tuple(
            text
            for cell in event.values()
            for text in (cell if isinstance(cell, tuple) else (cell,))
            if text is not NULL
        )
        why = explain(rule.expression, event.get, values)
        if why.true:
            slow.add(row)
            assert missing(why) == 0
        else:
            assert missing(why) > 0 or not list(helped(why, False))
        told = [(test.field, test.value) for test in helped(why) if test.true and test.value]
        assert grounds(rule.expression, {**event, "": values}.get) == (told if why.true else [])
    assert fast == slow
    assert again == fast, "the caches change nothing"
