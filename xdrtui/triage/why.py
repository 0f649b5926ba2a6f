"""Why a rule fired, as a list of lines: each a test and the value that it met.

In: the engine's explanation (a `Why` tree), or the fields that evidence recorded. Out: `Reason`s, only those
that helped the rule to fire: the tests that held, and under `not` those that did not. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detectors.sigma.explain import Why


@dataclass(frozen=True)
class Reason:
    """One line. held: the test was true (False: it is a `not`, which held because the test did not); words:
    the test in words; start, end: what matched in value, or -1; of: "1 of 57" where there were several."""

    field: str
    words: str
    value: str
    start: int = -1
    end: int = -1
    negated: bool = False
    of: str = ""


def reasons_of(why: Why) -> list[Reason]:
    """The tests that made the rule fire, in the rule's order, each once."""
    return list(dict.fromkeys(_reasons(why, True)))


def reasons_from(matched: Mapping[str, str]) -> list[Reason]:
    """Where there is no explanation: the fields that the rule's items matched on, and their values."""
    return [Reason(field, "matched", value) for field, value in matched.items()]


def _reasons(why: Why, wanted: bool) -> Iterator[Reason]:
    if why.kind == "test":
        if why.true == wanted:
            yield _reason(why, not wanted)
    elif why.kind == "not":
        yield from _reasons(why.below[0], not wanted)
    else:
        hits = [node for node in why.below if node.true == wanted]
        fields = {node.field for node in why.below}
        one_list = len(why.below) > 1 and len(fields) == 1 and all(node.kind == "test" for node in why.below)
        any_will_do = (why.kind == "or") == wanted
        if one_list and hits:
            share = f"{len(hits)} of {len(why.below)}" if wanted else f"none of {len(why.below)}"
            for node in hits[:3] if wanted and why.kind == "or" else hits if wanted else hits[:1]:
                yield _reason(node, not wanted, share if why.kind == "or" else "")
        elif not wanted and any_will_do:
            yield from _reasons(hits[0], wanted) if hits else ()
        else:
            for node in hits:
                yield from _reasons(node, wanted)


def _reason(why: Why, negated: bool, of: str = "") -> Reason:
    words = f"{why.words} {why.pattern}".strip()
    value = why.value if why.state == "value" else f"({why.state})"
    start, end = (why.start, why.end) if why.state == "value" and not negated else (-1, -1)
    return Reason(why.field or "any field", words, value, start, end, negated, of)
