"""Right what is safe to right, in the text itself: comments and layout stay as they are.

In: a file's bytes and how to check it. Out: the new bytes. Only edits that leave what every rule matches as
it was are made; which that is, is found out by parsing both.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence

import msgspec

from detectors.sigma.expression import And, Expression, Not, Or, Test
from detectors.sigma.lint.remark import Edit, Remark
from detectors.sigma.rules import parse_rules

_PASSES = 8


def fix(data: bytes, check: Callable[[bytes], Sequence[Remark]]) -> tuple[bytes, list[Remark]]:
    """The file with every safe edit made, and the remarks that this settles. check: the remarks on a file."""
    settled: list[Remark] = []
    refused: set[tuple[str, str]] = set()
    for _ in range(_PASSES):
        wanted = [r for r in check(data) if r.edits and (r.kind, r.message) not in refused]
        if not wanted:
            break
        changed, made = _apply(data, wanted)
        if _same(data, changed):
            data, settled = changed, settled + made
            continue
        for remark in wanted:  # one of them would change what a rule matches: one by one
            changed, made = _apply(data, [remark])
            if _same(data, changed):
                data, settled = changed, settled + made
                break
            refused.add((remark.kind, remark.message))
    return data, settled


def _apply(data: bytes, remarks: Sequence[Remark]) -> tuple[bytes, list[Remark]]:
    """The text with the edits of these remarks, but of those that touch each other only the first."""
    mark = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    text = data.decode("utf-8-sig")
    chosen: list[Edit] = []
    made: list[Remark] = []
    for remark in remarks:
        if not any(
            edit.start <= other.end and other.start <= edit.end for edit in remark.edits for other in chosen
        ):
            chosen += remark.edits
            made.append(remark)
    newline = "\r\n" if "\r\n" in text else "\n"
    for edit in sorted(chosen, reverse=True):
        text = text[: edit.start] + edit.text.replace("\n", newline) + text[edit.end :]
    return mark + text.encode(), made


def _same(before: bytes, after: bytes) -> bool:
    """Whether both files hold the same rules with the same meaning."""
    return _meaning(before) == _meaning(after)


def _meaning(data: bytes) -> object:
    found = parse_rules({"": data})
    rules = [(r.title.lower().rstrip("."), r.level, r.log_source, plain(r.expression)) for r in found.rules]
    return (
        rules,
        [repr(other.body.get("correlation")) for other in found.others],
        len([problem for problem in found.problems if problem.fatal]),
    )


def plain(expression: Expression) -> Expression:
    """The expression without names, repeated items and groups of one: equal where the meaning plainly is."""
    if isinstance(expression, Test):
        return msgspec.structs.replace(expression, written="")
    if isinstance(expression, Not):
        return Not(plain(expression.item))
    kind = And if isinstance(expression, And) else Or
    items: dict[Expression, None] = {}
    for item in map(plain, expression.items):
        items.update(dict.fromkeys(item.items) if isinstance(item, kind) else {item: None})
    return next(iter(items)) if len(items) == 1 else kind(tuple(items))
