"""Log sources and fields that nothing here brings: a rule that cannot fire says why.

What is brought is the layouts' to say and comes in as `Served`; what Sigma calls things is the taxonomy's.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator

import msgspec

from detectors.contract import EventType, LogSource
from detectors.sigma.lint.document import Document, Path
from detectors.sigma.lint.remark import Remark
from detectors.taxonomy.log_sources import names

_KEYS = ("product", "category", "service", "definition")
_ALIKE = 0.85


class Served(msgspec.Struct, frozen=True):
    """What the layouts bring. event_types: those they name; more: further log sources of open kinds; open:
    products any service of which is brought."""

    event_types: tuple[EventType, ...]
    more: frozenset[LogSource] = frozenset()
    open: frozenset[str] = frozenset()

    def serves(self, source: LogSource) -> bool:
        if source.service and not source.category and source.product in self.open:
            return True
        return source in self.more or any(kind.serves(source) for kind in self.event_types)

    def words(self, part: str, product: str) -> set[str]:
        """Right values of one part of a log source."""
        known = names()
        sources = [source for kind in self.event_types for source in kind.log_sources] + list(self.more)
        if part == "service":
            every = frozenset[str]().union(*known.services.values())
            listed = known.services.get(product, frozenset()) if product else every
            return {s.service for s in sources if s.product == product or not product} | listed
        listed = known.products if part == "product" else known.categories
        return {str(getattr(source, part)) for source in sources} | listed


def log_source_of(document: Document) -> LogSource | None:
    """The log source of a document, as rules have it."""
    source = document.body.get("logsource")
    if not isinstance(source, dict):
        return None
    return LogSource(*(str(source.get(key) or "").lower() for key in _KEYS[:3]))


def check_source(document: Document, served: Served) -> Iterator[Remark]:
    """Every remark on the log source and the names of fields."""
    source = log_source_of(document)
    body = document.body.get("logsource")
    if source is None or not isinstance(body, dict):
        return
    for key in body:
        if key not in _KEYS:
            near = difflib.get_close_matches(str(key), _KEYS, 1, 0.7)
            if near:
                remedy = f"did you mean '{near[0]}'?"
                yield document.remark(
                    "unknown-key", f"'{key}' means nothing", remedy, ("logsource", str(key))
                )
    if not served.serves(source):
        for part in _KEYS[:3]:
            value = str(getattr(source, part))
            right = served.words(part, source.product) - {""}
            if not value or value in right:
                continue
            near = difflib.get_close_matches(value, right, 1, 0.7)
            if near or part == "product":
                remedy = (
                    f"did you mean '{near[0]}'?" if near else "see `xdrtui help layouts` for those there are"
                )
                what = f"no log source has the {part} '{value}': the rule never sees an event"
                yield document.remark("log-source", what, remedy, ("logsource", part))
    yield from _fields(document, source)


def _fields(document: Document, source: LogSource) -> Iterator[Remark]:
    right = names().fields_of(source.product, source.category)
    detection = document.body.get("detection")
    if not right or not isinstance(detection, dict):
        return
    letters = {field.lower(): field for field in right}
    for field, path in _named(detection, ("detection",)):
        if field in right or "." in field:
            continue
        near = letters.get(field.lower())
        if near is None:
            close = difflib.get_close_matches(field.lower(), letters, 1, _ALIKE)
            near = letters[close[0]] if close and field not in names().every_field else None
        if near is not None:
            what = f"{source.category} events have no field '{field}'"
            yield document.remark("field", what, f"did you mean '{near}'?", path)
        elif field in names().every_field:
            home = next(kind for kind, fields in names().fields.items() if field in fields)
            what = f"{source.category} events have no field '{field}' ({home} events have)"
            yield document.remark("field", what, "this item is only met where your collector adds it", path)


def _named(node: object, path: Path) -> Iterator[tuple[str, Path]]:
    """The field of every item, with its place."""
    if isinstance(node, dict):
        for key, value in node.items():
            if len(path) == 1:
                if key not in ("condition", "timeframe"):
                    yield from _named(value, (*path, str(key)))
            elif field := str(key).split("|")[0]:
                yield field, (*path, str(key))
    elif isinstance(node, list):
        for index, each in enumerate(node):
            yield from _named(each, (*path, index))
