"""All checks over rule files: texts in, remarks out, in the order of the files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from detectors.contract import LogSource
from detectors.sigma.lint.document import Document, read
from detectors.sigma.lint.head import check_head
from detectors.sigma.lint.items import check_items
from detectors.sigma.lint.logic import check_logic
from detectors.sigma.lint.remark import Remark
from detectors.sigma.lint.source import Served, check_source, log_source_of
from detectors.sigma.lint.tags import check_tags

KINDS = {
    "id-missing": "a rule without an id",
    "related": "a related rule that is not written as id and type",
    "date": "a date that is none, or not YYYY-MM-DD",
    "date-order": "modified before it was written",
    "title": "a title that is too long, begins small or ends with a full stop",
    "letters": "a level or status not in small letters",
    "list": "one text where a list belongs",
    "missing": "no description, author, date, level or false positives",
    "unknown-key": "a key that looks like another one, misspelt",
    "duplicate-key": "a key twice in one map: only the last counts",
    "tag": "a tag of a wrong form, or that ATT&CK does not know",
    "duplicate-tag": "a tag twice",
    "timeframe": "a time frame outside a correlation",
    "shapes": "modifiers that do not go together",
    "all-of-one": "`all` of one value",
    "single-value": "a list of one value",
    "says-nothing": "a value that fits every value",
    "star": "a wildcard where the modifier has one already",
    "duplicate-value": "a value twice",
    "covered-value": "a value that another one of its list covers",
    "bare-name": "a program's name without the backslash before it",
    "contradiction": "two tests of a field that cannot both hold",
    "never": "a condition that can never be met",
    "always": "a condition that is always met",
    "only-not": "a condition met where none of its detections is",
    "of-one": "`1 of` or `all of` a single name",
    "them-filters": "`them` where there are filters",
    "log-source": "a log source that does not exist",
    "unserved": "a log source that no layout here brings",
    "field": "a field that the log source's events do not have",
}
"""Every kind of remark, in words: the manual's list and what `--skip` takes."""

TIDY = frozenset(("covered-value",))
"""Kinds that are told only on request: true of many good rules, and harmless."""


def check_rules(texts: Mapping[str, bytes], served: Served, skip: Iterable[str] = ()) -> list[Remark]:
    """The remarks on these files (name -> content). skip: kinds that are not wanted.

    Log sources that are right but that no layout brings are told once each, at their first rule.
    """
    unwanted = frozenset(skip)
    remarks: list[Remark] = []
    unserved: dict[LogSource, list[Document]] = {}
    for file, data in texts.items():
        for document in read(data, file):
            remarks += [remark for remark in _checked(document, served) if remark.kind not in unwanted]
            source = log_source_of(document) if "detection" in document.body else None
            if source is not None and not served.serves(source):
                unserved.setdefault(source, []).append(document)
    told = {(remark.file, remark.kind) for remark in remarks}
    for source, documents in unserved.items() if "unserved" not in unwanted else ():
        first = documents[0]
        if (first.file, "log-source") in told:
            continue
        rules = f"{len(documents)} rules look" if len(documents) > 1 else "this rule looks"
        message = f"{rules} at {source}, which no layout here brings"
        remarks.append(
            first.remark("unserved", message, "add a layout: `xdrtui help layouts`", ("logsource",))
        )
    return remarks


def _checked(document: Document, served: Served) -> Iterator[Remark]:
    yield from check_head(document)
    yield from check_tags(document)
    if "correlation" in document.body:
        return
    yield from check_items(document, "filter" if "filter" in document.body else "detection")
    if "detection" in document.body:
        yield from check_logic(document)
        yield from check_source(document, served)
