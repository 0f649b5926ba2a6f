"""Why a correlation fired: the events and the values that counted, as data and as plain lines.

In: the rule and the alert as the engine gave it. Out: an `Explanation`. Pure: nothing is looked up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from detectors.correlate.model import SECOND, CorrelationRule, Fired, Type


class Counted(msgspec.Struct, frozen=True):
    """A match that counted. step: 1, 2, ... where order matters; values: what of it was counted; alert: the
    child's alert it stands for."""

    time: int
    rule: str
    position: tuple[str | int, ...]
    finding: str
    values: tuple[str, ...]
    step: int
    alert: str


class Explanation(msgspec.Struct, frozen=True):
    """sentence: what happened; condition: as the rule says it; value: what was measured; group: field, value;
    began, satisfied, last: ns; distinct: the values that counted and how often; counted: the matches; more:
    how many belong to the alert beside these."""

    title: str
    sentence: str
    type: str
    condition: str
    value: str
    timespan: str
    group: tuple[tuple[str, str], ...]
    began: int
    satisfied: int
    last: int
    distinct: tuple[tuple[str, int], ...]
    counted: tuple[Counted, ...]
    more: int

    def lines(self) -> list[str]:
        """The explanation as plain text; values are data and still to be made safe for a terminal."""
        found = [
            self.sentence,
            f"condition: {self.condition}; measured: {self.value}; within {self.timespan}",
        ]
        found += [f"{field} = {value}" for field, value in self.group]
        found += [f"value {value!r}: {count}" for value, count in self.distinct]
        for each in self.counted:
            step = f"{each.step}. " if each.step else ""
            values = f"  {', '.join(each.values)}" if each.values else ""
            source = each.alert or each.finding
            found.append(
                f"{step}{shown_time(each.time)}  {each.rule}{values}" + (f"  [{source}]" if source else "")
            )
        if self.more:
            found.append(f"and {self.more} more")
        return found


def explain(rule: CorrelationRule, fired: Fired, titles: Mapping[str, str] | None = None) -> Explanation:
    """Say why. titles: rule id -> title, for the rules it refers to."""
    titles = titles or {}
    ordered = rule.type is Type.TEMPORAL_ORDERED
    counted = tuple(
        Counted(
            member.time,
            titles.get(member.rule, member.rule),
            member.position,
            member.finding,
            member.values,
            number if ordered else 0,
            member.alert,
        )
        for number, member in enumerate(fired.members, 1)
    )
    values = Counter(value for each in counted for value in each.values)
    return Explanation(
        title=rule.title,
        sentence=_sentence(rule, fired, titles),
        type=rule.type.value,
        condition=rule.condition_text,
        value=fired.value,
        timespan=rule.timespan_text,
        group=tuple((key.field, key.spelling) for key in fired.group),
        began=fired.began,
        satisfied=fired.time,
        last=fired.last,
        distinct=tuple(sorted(values.items())),
        counted=counted,
        more=max(0, fired.count - len(counted)),
    )


def _sentence(rule: CorrelationRule, fired: Fired, titles: Mapping[str, str]) -> str:
    names = [titles.get(each, each) for each in rule.rules]
    field = ", ".join(rule.fields)
    what = {
        Type.EVENT_COUNT: f"{fired.value} events of {' or '.join(names)}",
        Type.VALUE_COUNT: f"{fired.value} distinct values of {field} in {' or '.join(names)}",
        Type.TEMPORAL: f"{fired.value} of the rules {', '.join(names)}",
        Type.TEMPORAL_ORDERED: f"{', then '.join(titles.get(m.rule, m.rule) for m in fired.members)}",
        Type.VALUE_SUM: f"{field} adds up to {fired.value} in {' or '.join(names)}",
        Type.VALUE_AVG: f"{field} is {fired.value} on average in {' or '.join(names)}",
        Type.VALUE_MEDIAN: f"{field} has the median {fired.value} in {' or '.join(names)}",
        Type.VALUE_PERCENTILE: f"{field} is {fired.value} at its percentile in {' or '.join(names)}",
    }[rule.type]
    if rule.type is Type.VALUE_PERCENTILE and rule.percentile is None:
        what = f"a value of {field} makes up {fired.value}% in {' or '.join(names)}"
    group = " and ".join(f"{key.field} {key.spelling}" for key in fired.group)
    whose = f" for {group}" if group else ""
    return f"{what}{whose} within {rule.timespan_text}, at {shown_time(fired.time)}"


def shown_time(time: int) -> str:
    """ns since the epoch as UTC text, to the millisecond."""
    seconds, rest = divmod(time, SECOND)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%d %H:%M:%S}.{rest // 1_000_000:03d}Z"
