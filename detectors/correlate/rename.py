"""Fields of correlations under the names that processing pipelines give them.

In: resolved correlations and what a base rule's events call a field. Out: the same correlations with an alias
for each name that differs, so that group keys, aliases and measured fields are read where they stand; the
alert shows the correlation's own names.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import msgspec

from detectors.correlate.model import CorrelationRule
from detectors.correlate.plan import field_of, parents_first

Names: TypeAlias = Callable[[str, Sequence[str]], Mapping[str, Sequence[str]]]
"""Id of a base rule and fields -> each field's names in its events."""


class Unclear(msgspec.Struct, frozen=True):
    """A correlation that cannot be renamed: a field would have several names, and it reads one."""

    rule: CorrelationRule
    field: str
    names: tuple[str, ...]


def renamed(
    rules: Sequence[CorrelationRule], names: Names
) -> tuple[tuple[CorrelationRule, ...], tuple[Unclear, ...]]:
    """The correlations with their fields renamed, in the given order, and those that cannot be used."""
    known = {rule.id: rule for rule in rules}
    asked: dict[str, set[str]] = {rule.id: set() for rule in rules}
    unclear: dict[tuple[str, str], Unclear] = {}
    for rule in parents_first(rules):
        asked[rule.id] |= {*rule.group_by, *rule.fields}
        aliases = {name: dict(mapping) for name, mapping in rule.aliases.items()}
        for source in rule.rules:
            fields = {name: field_of(rule, source, name) for name in sorted(asked[rule.id])}
            if source in known:
                asked[source] |= set(fields.values())
                continue
            new = names(source, sorted(set(fields.values())))
            for name, field in fields.items():
                others = tuple(new.get(field, (field,)))
                if len(others) > 1:
                    unclear.setdefault((rule.id, field), Unclear(rule, field, others))
                elif others and others[0] != field:
                    aliases.setdefault(name, {})[source] = others[0]
        known[rule.id] = msgspec.structs.replace(rule, aliases=aliases)
    return tuple(known[rule.id] for rule in rules), tuple(unclear.values())
