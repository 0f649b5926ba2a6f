"""What stands above the detection: ids, dates, texts, and keys that are written wrongly."""

from __future__ import annotations

import datetime
import difflib
import re
import uuid
from collections.abc import Callable, Iterator

from detectors.sigma.lint.document import Document
from detectors.sigma.lint.remark import Edit, Remark

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
_OLD = re.compile(r"(\d{4})/(\d{1,2})/(\d{1,2})")
_RELATED = ("derived", "obsolete", "merged", "renamed", "similar")
_KEYS = (
    "title", "id", "name", "related", "taxonomy", "status", "description", "license", "author", "references",
    "date", "modified", "logsource", "detection", "correlation", "filter", "fields", "falsepositives",
    "level", "tags", "scope", "action", "custom",
)  # fmt: skip
_WANTED = {
    "description": ("say what it finds and why that matters", None),
    "author": ("name who answers for it", None),
    "date": ("add `date:` as YYYY-MM-DD", None),
    "level": ("without one it counts as medium", None),
    "falsepositives": ("say what harmless things look the same", "detection"),
}
_LONGEST_TITLE = 256


def check_head(document: Document) -> Iterator[Remark]:
    """Every remark on the head of a document."""
    for check in (_keys, _identity, _related, _dates, _title, _words, _missing):
        yield from check(document)


def _keys(document: Document) -> Iterator[Remark]:
    seen: dict[str, int] = {}
    for key, _ in document.node.value:
        name = str(getattr(key, "value", ""))
        if name in seen:
            message = f"'{name}' stands here a second time (first in line {seen[name]}): only the last counts"
            yield Remark(
                document.file, key.start_mark.line + 1, key.start_mark.column + 1, message,
                "remove one of them", False, kind="duplicate-key",
            )  # fmt: skip
        seen.setdefault(name, key.start_mark.line + 1)
        if name in _KEYS or name.lower() in ("ruleid",):
            continue
        near = difflib.get_close_matches(name.lower().replace("_", "").replace("-", ""), _KEYS, 1, 0.8)
        if near and near[0] not in document.body:
            yield document.remark(
                "unknown-key", f"'{name}' means nothing", f"did you mean '{near[0]}'?", (name,)
            )


def _identity(document: Document) -> Iterator[Remark]:
    if "id" in document.body or not document.alone:
        return
    title = document.find("title")
    edits: tuple[Edit, ...] = ()
    if title is not None and title[0].start_mark.column == 0 and "filter" not in document.body:
        end = document.text.find("\n", title[1].end_mark.index)
        if end >= 0 and title[0].start_mark.line == title[1].start_mark.line:
            edits = (Edit(end + 1, end + 1, f"id: {uuid.uuid4()}\n"),)
    if "filter" not in document.body:
        yield document.remark("id-missing", "no id", "add `id:` with a UUID", ("title",), edits)


def _related(document: Document) -> Iterator[Remark]:
    related = document.body.get("related")
    if related is None:
        return
    if not isinstance(related, list):
        yield document.remark(
            "related", "related is not a list", "write entries of id and type", ("related",)
        )
        return
    for index, entry in enumerate(related):
        if not isinstance(entry, dict):
            yield document.remark("related", "not an id with a type", "write both", ("related", index))
            continue
        if not _UUID.fullmatch(str(entry.get("id") or "")):
            yield document.remark("related", "the related id is no UUID", "", ("related", index, "id"))
        if entry.get("type") not in _RELATED:
            remedy = f"use one of {', '.join(_RELATED)}"
            yield document.remark("related", "no such relation", remedy, ("related", index, "type"))


def _dates(document: Document) -> Iterator[Remark]:
    parsed: dict[str, datetime.date] = {}
    for key in ("date", "modified"):
        value = document.body.get(key)
        if value is None:
            continue
        text = str(value).strip()
        old = _OLD.fullmatch(text)
        plain = f"{old[1]}-{int(old[2]):02}-{int(old[3]):02}" if old else text
        try:
            if not _ISO.fullmatch(plain):
                raise ValueError
            parsed[key] = datetime.date.fromisoformat(plain)
        except ValueError:
            yield document.remark("date", f"'{text}' is no date", "write it as YYYY-MM-DD", (key,))
            continue
        if old:
            edits = document.rewrite(document.scalar(key), text, plain)
            if not edits and (node := document.scalar(key)) is not None and document.written(node) == text:
                edits = (Edit(node.start_mark.index, node.end_mark.index, plain),)
            yield document.remark("date", f"'{text}' is Sigma 1's way", f"write {plain}", (key,), edits)
    if len(parsed) == 2 and parsed["modified"] < parsed["date"]:
        yield document.remark(
            "date-order", "modified before it was written", "right one of the dates", ("modified",)
        )


def _title(document: Document) -> Iterator[Remark]:
    value = document.body.get("title")
    if not isinstance(value, str):
        return
    title = value.strip()
    if len(title) > _LONGEST_TITLE:
        message = f"a title of {len(title)} characters"
        yield document.remark(
            "title", message, f"{_LONGEST_TITLE} are the most: say the rest below", ("title",)
        )
    if title[:1].islower() and title[:1].isascii() and title.split(maxsplit=1)[0].isalpha():
        changed = title[0].upper() + title[1:]
        edits = document.rewrite(document.scalar("title"), title, changed)
        yield document.remark("title", "the title begins small", f"write '{changed}'", ("title",), edits)
    if title.endswith(".") and not title.endswith("..."):
        edits = document.rewrite(document.scalar("title"), title, title.rstrip("."))
        yield document.remark("title", "the title ends with a full stop", "leave it out", ("title",), edits)
    if re.match(r"detects?\b", title, re.IGNORECASE):
        yield document.remark("title", "every rule detects", "say what it is: the title names it", ("title",))


def _words(document: Document) -> Iterator[Remark]:
    """Words of a fixed set that are written in other letters."""
    known: dict[str, Callable[[str], bool]] = {
        "level": lambda text: text in ("informational", "low", "medium", "high", "critical"),
        "status": lambda text: text in ("stable", "test", "experimental", "deprecated", "unsupported"),
    }
    for key, right in known.items():
        value = document.body.get(key)
        if isinstance(value, str) and not right(value) and right(value.strip().lower()):
            plain = value.strip().lower()
            edits = document.rewrite(document.scalar(key), value, plain)
            yield document.remark("letters", f"{key} '{value}'", f"write {plain}", (key,), edits)
    for key in ("references", "falsepositives", "tags"):
        if isinstance(document.body.get(key), str):
            yield document.remark("list", f"{key} is a list", "begin its lines with '- '", (key,))


def _missing(document: Document) -> Iterator[Remark]:
    if not document.alone or "filter" in document.body:
        return
    for key, (remedy, only_with) in _WANTED.items():
        if document.body.get(key) in (None, "", []) and (only_with is None or only_with in document.body):
            yield document.remark(
                "missing", f"no {key}", remedy, (key,) if key in document.body else ("title",)
            )
