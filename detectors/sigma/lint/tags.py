"""Tags: their form, and whether ATT&CK knows what they name.

Source: Sigma tags appendix 2.1. Tactics and techniques that ATT&CK has renamed are right: rules outlive its
versions.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from detectors.sigma.lint.document import Document
from detectors.sigma.lint.remark import Remark
from detectors.taxonomy.attack import tactic_name, tactics, technique

_FORM = re.compile(r"[a-z0-9_-]+\.[a-z0-9._-]+")
_TECHNIQUE = re.compile(r"t\d+(?:\.\d+)?")
_OTHER = re.compile(r"(?:[gscma]|ds|ta)\d{4}")
_SPACES = ("attack", "car", "cve", "d3fend", "detection", "stp", "tlp")
_TLP = ("red", "amber", "amber-strict", "green", "clear", "white")


def check_tags(document: Document) -> Iterator[Remark]:
    """Every remark on the tags of a document."""
    tags = document.body.get("tags")
    if not isinstance(tags, list):
        return
    seen: set[str] = set()
    for index, tag in enumerate(tags):
        path = ("tags", index)
        if not isinstance(tag, str):
            yield document.remark("tag", "a tag is text", "write namespace.name", path)
            continue
        right = tag.strip().lower()
        if right.startswith("attack.") and "_" in right:
            right = right.replace("_", "-")
        if right in seen:
            node = document.scalar(*path)
            edits = document.without_entry(node) if node is not None else ()
            yield document.remark("duplicate-tag", f"tag '{tag}' a second time", "remove it", path, edits)
            continue
        seen.add(right)
        if not _FORM.fullmatch(right):
            yield document.remark("tag", f"'{tag}' is no tag", "write namespace.name, without blanks", path)
            continue
        if right != tag:
            edits = document.rewrite(document.scalar(*path), tag, right)
            yield document.remark("tag", f"tag '{tag}' is written otherwise", f"write {right}", path, edits)
        wrong = _wrong(right)
        if wrong:
            yield document.remark("tag", *wrong, path)


def _wrong(tag: str) -> tuple[str, str] | None:
    """What is wrong with a tag of a known namespace, and the remedy."""
    space, _, name = tag.partition(".")
    if space == "tlp" and name not in _TLP:
        return f"'{tag}' is no TLP level", f"use one of {', '.join(_TLP)}"
    if space not in _SPACES:
        near = difflib.get_close_matches(space, _SPACES, 1, 0.8)
        return (f"no namespace is called '{space}'", f"did you mean '{near[0]}'?") if near else None
    if space != "attack" or _OTHER.fullmatch(name):
        return None
    if _TECHNIQUE.fullmatch(name):
        if technique(name) is not None:
            return None
        parent = technique(name.split(".")[0])
        remedy = f"{parent.id} is '{parent.name}'" if parent and "." in name else "look it up in ATT&CK"
        return f"ATT&CK has no technique {name.upper()}", remedy
    if tactic_name(name) is None:
        near = difflib.get_close_matches(name, tactics(), 1, 0.6)
        return f"ATT&CK has no tactic '{name}'", f"did you mean '{near[0]}'?" if near else "look it up"
    return None
