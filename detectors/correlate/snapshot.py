"""A state as bytes and back: what correlations remember, so that a restart need not read every match again.

JSON, no pickle: a damaged or hostile snapshot is refused with `SnapshotProblem`, and the state is rebuilt
from stored findings. Each correlation's part carries a hash of its rule: one that was edited starts anew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from fractions import Fraction
from typing import TypeAlias

import msgspec

from detectors.contract import NULL, Text
from detectors.correlate.groups import CountGroup, Group, Open
from detectors.correlate.model import Number
from detectors.correlate.plan import Plan, Route
from detectors.correlate.windows import Item

VERSION = 1
Cell: TypeAlias = "str | list[str] | None"
Value: TypeAlias = "str | list[str]"


class SnapshotProblem(Exception):
    """The bytes are no snapshot that this version can read."""


class SavedItem(msgspec.Struct, array_like=True):
    time: int
    position: list[str | int]
    who: str
    values: list[Value]
    rule: int
    finding: str
    spelling: list[str]
    carried: dict[str, Cell] = {}


class SavedAlert(msgspec.Struct, array_like=True):
    bucket: int
    first: int
    last: int
    value: str
    handed: bool
    count: int
    begins: int
    ends: int
    began: int
    position: list[str | int]
    spelling: list[str]
    members: list[SavedItem]


class SavedGroup(msgspec.Struct, array_like=True):
    key: list[str]
    decided: int
    crowded: int
    items: list[SavedItem]
    alerts: list[SavedAlert]
    pruned: int = 0
    pruned_until: int = 0
    final: int = 0


class Saved(msgspec.Struct):
    """tables: correlation id -> (hash of its rule, health, groups)."""

    version: int
    horizon: str
    tables: dict[str, tuple[str, dict[str, int], list[SavedGroup]]]


def fingerprint(plan: Plan, correlation: str) -> str:
    """A hash of all that decides what this correlation remembers."""
    rule = next(rule for rule in plan.rules if rule.id == correlation)
    decides = (
        rule.type.value,
        rule.rules,
        rule.group_by,
        rule.timespan,
        rule.bounds,
        rule.clauses,
        rule.fields,
    )
    routes: tuple[Route, ...] = plan.routes[correlation]
    whole = repr((VERSION, decides, rule.percentile, routes, correlation in plan.parents))
    return hashlib.blake2b(whole.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def encode(saved: Saved) -> bytes:
    return msgspec.json.encode(saved)


def decode(data: bytes) -> Saved:
    """Raises SnapshotProblem."""
    try:
        saved = msgspec.json.decode(data, type=Saved)
        int(saved.horizon)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise SnapshotProblem(f"no snapshot of correlations: {error}") from error
    if saved.version != VERSION:
        raise SnapshotProblem(f"a snapshot of version {saved.version}, not {VERSION}")
    return saved


def save_group(group: Group) -> SavedGroup:
    return SavedGroup(
        key=list(group.key),
        decided=group.decided,
        crowded=group.crowded,
        items=[_save(item) for item in group.items],
        alerts=[
            SavedAlert(
                bucket,
                alert.first,
                alert.last,
                alert.value,
                alert.handed,
                alert.count,
                alert.begins,
                alert.ends,
                alert.began,
                list(alert.position),
                list(alert.spelling),
                [_save(item) for item in alert.members],
            )
            for bucket, alert in sorted(group.alerts.items())
        ],
        pruned=group.pruned if isinstance(group, CountGroup) else 0,
        pruned_until=group.pruned_until if isinstance(group, CountGroup) else 0,
        final=group.final if isinstance(group, CountGroup) else 0,
    )


def load_group(saved: SavedGroup, make: type[Group]) -> Group:
    group = make(tuple(saved.key))
    group.decided, group.crowded = saved.decided, saved.crowded
    group.items = [_load(item) for item in saved.items]
    for each in saved.alerts:
        alert = group.alerts[each.bucket] = Open(each.first, each.value)
        alert.last, alert.handed, alert.count = each.last, each.handed, each.count
        alert.begins, alert.ends, alert.began = each.begins, each.ends, each.began
        alert.position, alert.spelling = tuple(each.position), tuple(each.spelling)
        alert.members = tuple(_load(item) for item in each.members)
    if isinstance(group, CountGroup):
        group.pruned, group.pruned_until, group.final = saved.pruned, saved.pruned_until, saved.final
    return group


def _save(item: Item) -> SavedItem:
    values: list[Value] = [list(v) if isinstance(v, tuple) else str(v) for v in item.values]
    carried = {name: _save_cell(cell) for name, cell in item.carried.items() if cell is not None}
    spelling = list(item.spelling)
    position = list(item.position)
    return SavedItem(item.time, position, item.who, values, item.rule, item.finding, spelling, carried)


def _load(saved: SavedItem) -> Item:
    texts = tuple(tuple(value) for value in saved.values if isinstance(value, list))
    numbers = tuple(_number(value) for value in saved.values if isinstance(value, str))
    carried: Mapping[str, Text] = {name: _load_cell(cell) for name, cell in saved.carried.items()}
    position, spelling = tuple(saved.position), tuple(saved.spelling)
    return Item(
        saved.time, position, saved.who, texts or numbers, saved.rule, saved.finding, spelling, carried
    )


def _number(text: str) -> Number:
    fraction = Fraction(text)
    return fraction.numerator if fraction.denominator == 1 else fraction


def _save_cell(cell: Text) -> Cell:
    return cell if isinstance(cell, str) else list(cell) if isinstance(cell, tuple) else None


def _load_cell(cell: Cell) -> Text:
    return NULL if cell is None else tuple(cell) if isinstance(cell, list) else cell
