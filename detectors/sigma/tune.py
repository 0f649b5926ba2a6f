"""Propose a filter from false and true positives of a rule: a small search that can be explained.

In: the events on which the rule fired wrongly and rightly. Out: selections, each a few items that its false
positives share and that no true positive meets. Items are exact values, the file's name at the end of a path
or the folder at its beginning. Greedy: the item that covers most comes first; a second one that the same
events share is added, since what one field says is easily imitated. Fields that change from event to event
(times, ids) or that every event of a log source shares (channels) are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

import msgspec
import yaml

from detectors.contract import LogSource, Text

_VOLATILE = re.compile(
    r"time|date|guid|^channel$|^eventid$|provider|^sourcename$|record|sequence|processid|threadid|logonid|"
    r"handle|(^|[._])(id|uid|ts|pid|ppid|offset)$|"
    r"port$|hash|md5|sha1|sha256|version|message$|^@|^core\.|opcode|keywords|severity|^level$|^task$",
    re.IGNORECASE,
)
_BEST = ("parentimage", "image", "parentcommandline", "commandline", "user", "targetfilename", "targetobject",
         "sourceimage", "queryname", "destinationhostname", "user.name", "source.ip",
         "host.name")  # fmt: skip
_FEWEST, _LONGEST = 3, 300
_SELECTIONS = 5

Event = Mapping[str, Text]


class Item(msgspec.Struct, frozen=True, order=True):
    """modifier: empty (the whole value), startswith or endswith; value: as it is, not escaped."""

    field: str
    modifier: str
    value: str

    def meets(self, event: Event) -> bool:
        cell = event.get(self.field)
        values = cell if isinstance(cell, tuple) else (cell,)
        wanted = self.value.casefold()
        for value in values:
            text = value.casefold() if isinstance(value, str) else None
            if text is not None and (
                text == wanted
                if not self.modifier
                else text.endswith(wanted)
                if self.modifier == "endswith"
                else text.startswith(wanted)
            ):
                return True
        return False


class Selection(msgspec.Struct, frozen=True):
    """All of these items; covers: how many false positives meet it."""

    items: tuple[Item, ...]
    covers: int

    def meets(self, event: Event) -> bool:
        return all(item.meets(event) for item in self.items)


class Proposal(msgspec.Struct, frozen=True):
    """selections: any of them is filtered; left: false positives that none covers."""

    selections: tuple[Selection, ...]
    left: int


def propose(false: Sequence[Event], true: Sequence[Event]) -> Proposal:
    """The selections that leave out most of the false positives and none of the true ones."""
    open_ = list(false)
    found: list[Selection] = []
    least = 2 if len(false) > 2 else 1  # what one event alone says would be learnt by heart
    while open_ and len(found) < _SELECTIONS:
        selection = _best(open_, true, least)
        if selection is None:
            break
        found.append(selection)
        open_ = [event for event in open_ if not selection.meets(event)]
    return Proposal(tuple(found), len(open_))


def _best(false: Sequence[Event], true: Sequence[Event], least: int) -> Selection | None:
    """The selection that covers most; among equals the one with the most telling fields."""
    items = {item for event in false for item in _items(event)}
    covered = {item: frozenset(n for n, event in enumerate(false) if item.meets(event)) for item in items}
    ranked = sorted(items, key=lambda item: (-len(covered[item]), _rank(item), item))[:200]
    for item in ranked:
        if len(covered[item]) < least:
            break
        events = [false[n] for n in covered[item]]
        partners = [each for each in ranked if each.field != item.field and covered[each] >= covered[item]]
        for partner in partners:
            pair = Selection((item, partner), len(events))
            if not any(pair.meets(event) for event in true):
                return pair
        alone = Selection((item,), len(events))
        if not partners and not any(alone.meets(event) for event in true):
            return alone
    return None


def _rank(item: Item) -> tuple[int, int, int]:
    """Telling fields first, whole values before parts, longer ones before shorter."""
    name = item.field.lower()
    return (
        _BEST.index(name) if name in _BEST else len(_BEST),
        ("", "endswith", "startswith").index(item.modifier),
        -len(item.value),
    )


def _items(event: Event) -> Iterator[Item]:
    for field, cell in event.items():
        if _VOLATILE.search(field):
            continue
        for value in cell if isinstance(cell, tuple) else (cell,):
            if not isinstance(value, str) or not _FEWEST <= len(value) <= _LONGEST or "\n" in value:
                continue
            yield Item(field, "", value)
            mark = "\\" if "\\" in value else "/"
            folder, cut, name = value.rpartition(mark)
            if cut and folder and " " not in name and len(name) >= _FEWEST:
                yield Item(field, "endswith", mark + name)
                yield Item(field, "startswith", folder + mark)


def escape(text: str) -> str:
    """A text as a Sigma value that means exactly this text."""
    return "".join(
        "\\" + char
        if char in "*?" or (char == "\\" and text[index + 1 : index + 2] in ("\\", "*", "?"))
        else char
        for index, char in enumerate(text)
    )


def filter_text(proposal: Proposal, rule: str, title: str, log_source: LogSource, id: str) -> str:
    """The proposal as a Sigma filter in YAML."""
    source = {key: getattr(log_source, key) for key in ("product", "category", "service")}
    selections: dict[str, object] = {
        f"selection_{number}": {
            item.field + (f"|{item.modifier}" if item.modifier else ""): escape(item.value)
            for item in selection.items
        }
        for number, selection in enumerate(proposal.selections, 1)
    }
    body = {
        "title": f"Known Good of: {title}",
        "id": id,
        "description": "Leaves out what was judged a false positive; proposed from examples.",
        "logsource": {key: value for key, value in source.items() if value},
        "filter": {"rules": [rule], **selections, "condition": "not 1 of selection_*"},
    }
    return yaml.safe_dump(body, sort_keys=False, allow_unicode=True, width=200)
