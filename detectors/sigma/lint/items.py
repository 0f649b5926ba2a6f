"""Single detection items: modifiers that do not go together, values that say nothing or say it twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import yaml

from detectors.sigma import strings
from detectors.sigma.expression import ANY
from detectors.sigma.lint.document import Document, Path
from detectors.sigma.lint.remark import Edit, Remark

_SHAPES = ("contains", "startswith", "endswith")
_TEXTUAL = {*_SHAPES, "all", "cased", "windash", "expand", "neq"}
_PATHS = ("image", "parentimage", "sourceimage", "targetimage", "imageloaded")
_MANY = 400


def check_items(document: Document, root: str) -> Iterator[Remark]:
    """Every remark on the items under `detection` or `filter`."""
    detection = document.body.get(root)
    if not isinstance(detection, dict):
        return
    if "timeframe" in detection and root == "detection":
        yield document.remark(
            "timeframe", "timeframe left Sigma with version 2 and does nothing", "write a correlation",
            (root, "timeframe"),
        )  # fmt: skip
    for name, node in detection.items():
        if name not in ("condition", "timeframe", "rules"):
            yield from _walk(document, node, (root, str(name)))


def _walk(document: Document, node: object, path: Path) -> Iterator[Remark]:
    if isinstance(node, dict):
        yield from _repeated_keys(document, path)
        for key, value in node.items():
            yield from _item(document, str(key), value, (*path, str(key)))
    elif isinstance(node, list):
        for index, each in enumerate(node[:_MANY]):
            if isinstance(each, dict | list):
                yield from _walk(document, each, (*path, index))
        if all(isinstance(each, str) for each in node):
            yield from _values(document, "", [], node, path)


def _repeated_keys(document: Document, path: Path) -> Iterator[Remark]:
    found = document.find(*path)
    if found is None or not isinstance(found[1], yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, _ in found[1].value:
        name = str(getattr(key, "value", ""))
        if name in seen:
            yield Remark(
                document.file, key.start_mark.line + 1, key.start_mark.column + 1,
                f"'{name}' stands here a second time: only the last counts",
                "write its values as one list, or `|all` if all of them must be met", False,
                kind="duplicate-key",
            )  # fmt: skip
        seen.add(name)


def _item(document: Document, key: str, value: object, path: Path) -> Iterator[Remark]:
    field, *modifiers = key.split("|")
    values = value if isinstance(value, list) else [value]
    shapes = [modifier for modifier in modifiers if modifier in _SHAPES]
    if len(shapes) > 1:
        what = f"{' and '.join(shapes)} together are no more than contains"
        yield document.remark("shapes", what, "keep the one that is meant", path)
    if "all" in modifiers and len(values) < 2:
        yield document.remark("all-of-one", "`all` of one value", "leave `all` out, or give it more", path)
    if "re" in modifiers and set(modifiers) & set(_SHAPES):
        yield document.remark(
            "shapes", "re looks anywhere in the value already", "anchor it with ^ or $", path
        )
    doubled = sorted({modifier for modifier in modifiers if modifiers.count(modifier) > 1} - {"base64"})
    if doubled:
        yield document.remark("shapes", f"'{doubled[0]}' twice", "once is enough", path)
    if isinstance(value, list) and len(value) == 1 and not isinstance(value[0], dict | list):
        edits = _one_value(document, path)
        yield document.remark("single-value", "a list of one value", "write the value alone", path, edits)
    if all(isinstance(each, str) for each in values) and len(values) <= 20_000:
        yield from _values(document, field, modifiers, [str(each) for each in values], path)


def _one_value(document: Document, path: Path) -> tuple[Edit, ...]:
    """Edits that put the one value of a block list beside its key."""
    found = document.find(*path)
    if found is None or not isinstance(found[1], yaml.SequenceNode) or found[1].flow_style:
        return ()
    key, entry = found[0], found[1].value[0]
    if not isinstance(entry, yaml.ScalarNode) or entry.style in ("|", ">"):
        return ()
    colon = document.text.find(":", key.end_mark.index)
    between = document.text[colon + 1 : entry.start_mark.index]
    if entry.start_mark.line != entry.end_mark.line or between.strip(" \n\r\t") != "-":
        return ()
    return (Edit(colon + 1, entry.start_mark.index, " "),)


def _values(
    document: Document, field: str, modifiers: list[str], values: Sequence[str], path: Path
) -> Iterator[Remark]:
    if not set(modifiers) <= _TEXTUAL:
        if "re" in modifiers:
            yield from _expressions(document, values, path)
        return
    shape = next((modifier for modifier in modifiers if modifier in _SHAPES), "")
    cased = "cased" in modifiers
    seen: dict[str, int] = {}
    for index, value in enumerate(values):
        at = (*path, index)
        parts = strings.parse(value)
        if not parts and shape:
            yield document.remark(
                "says-nothing", f"{shape} of nothing fits every value", "give it a text", at
            )
            continue
        if parts and all(part == ANY for part in parts):
            remedy = f"write `{field}|exists: true`" if field else "remove it"
            yield document.remark("says-nothing", f"'{value}' fits every value", remedy, at)
            continue
        yield from _stars(document, shape or ("" if field else "contains"), value, parts, at)
        same = value if cased else value.casefold()
        if same in seen:
            node = document.scalar(*at)
            edits = document.without_entry(node) if node is not None else ()
            what = f"'{_short(value)}' is in line {seen[same]} already"
            yield document.remark("duplicate-value", what, "remove it", at, edits)
        else:
            found = document.find(*at)
            seen[same] = found[0].start_mark.line + 1 if found else 0
        name = field.lower()
        if shape == "endswith" and name in _PATHS and _bare_program(value):
            what = f"'{_short(value)}' also fits the end of other names"
            yield document.remark("bare-name", what, f"write '\\{value}'", at)
    if "all" not in modifiers and "neq" not in modifiers and 1 < len(values) <= _MANY:
        yield from _covered(document, shape or ("" if field else "contains"), cased, values, path)


def _bare_program(value: str) -> bool:
    """Whether a value is a file's name and no more."""
    return value.lower().endswith((".exe", ".dll", ".sys")) and value[:1].isalnum() and "\\" not in value


def _stars(document: Document, shape: str, value: str, parts: strings.Parts, path: Path) -> Iterator[Remark]:
    """Wildcards where the modifier has put one already."""
    first = parts[:1] == (ANY,) and shape in ("contains", "endswith")
    last = parts[-1:] == (ANY,) and shape in ("contains", "startswith")
    if not (first or last):
        return
    trimmed = value
    if first:
        trimmed = trimmed.lstrip("*")
    if last:
        trimmed = trimmed.rstrip("*")
    same = strings.around(strings.parse(trimmed), before=shape != "startswith", after=shape != "endswith")
    whole = strings.around(parts, before=shape != "startswith", after=shape != "endswith")
    edits = document.rewrite(document.scalar(*path), value, trimmed) if same == whole else ()
    yield document.remark("star", f"{shape} has this wildcard already", f"write '{trimmed}'", path, edits)


def _covered(
    document: Document, shape: str, cased: bool, values: Sequence[str], path: Path
) -> Iterator[Remark]:
    """Values that fit only where another one of the list does."""
    if not shape or any(char in value for value in values for char in "*?"):
        return
    texts = [value if cased else value.casefold() for value in values]
    holds = {"contains": str.__contains__, "startswith": str.startswith, "endswith": str.endswith}[shape]
    for index, text in enumerate(texts):
        wider = next(
            (o for o in range(len(texts)) if texts[o] != text and texts[o] and holds(text, texts[o])), None
        )
        if wider is not None:
            what = f"'{_short(values[index])}' adds nothing to '{_short(values[wider])}'"
            yield document.remark("covered-value", what, "keep the shorter one alone", (*path, index))


def _expressions(document: Document, values: Sequence[str], path: Path) -> Iterator[Remark]:
    for index, value in enumerate(values):
        if value.startswith(".*") or (value.endswith(".*") and not value.endswith("\\.*")):
            what = "re looks anywhere in the value: .* at an end adds nothing"
            yield document.remark("star", what, "leave it out", (*path, index))


def _short(value: str) -> str:
    return value if len(value) <= 60 else value[:57] + "..."
