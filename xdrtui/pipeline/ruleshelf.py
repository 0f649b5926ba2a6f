"""The folder of rule sets that were added: what a new one would change there, and putting it there.

In: files from `rulesource`. Out: what is new, changed and gone, by rule id and content; a folder that is
swapped in whole. Licences and authors stay with the rules.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec

from detectors.sigma.problem import Problem
from detectors.sigma.rules import RuleSet, parse_rules
from xdrtui.errors import RuleError
from xdrtui.pipeline.rulesource import licence

STAMP = "added-from.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class Title(msgspec.Struct, frozen=True, order=True):
    """A rule in a few words."""

    title: str
    id: str
    level: str = ""
    author: str = ""


class Change(msgspec.Struct, frozen=True):
    """What a set of rules would change. same: how many stay as they are; problems: rules that cannot be used;
    licences: files that are kept beside the rules."""

    new: list[Title]
    changed: list[Title]
    gone: list[Title]
    same: int
    problems: list[Problem]
    licences: list[str]


def name_of(source: str, wanted: str = "") -> str:
    """The name of a source's folder: what is wanted, else the last part of the source. Raises RuleError."""
    name = wanted or re.sub(r"[?#].*", "", source).rstrip("/").rpartition("/")[2].removesuffix(".zip")
    if not _NAME.fullmatch(name):
        raise RuleError(f"{name!r} is no name for a folder of rules: give one with --name.")
    return name


def compare(files: Mapping[str, bytes], shelf: Path, name: str) -> Change:
    """What these files would change in the shelf's folder of that name. Raises RuleError where none of them
    is a rule that can be used."""
    found = parse_rules({file: data for file, data in files.items() if not licence(file)})
    after = _titles(found)
    if not after:
        raise RuleError("none of the files is a Sigma rule that can be used.")
    folder = shelf / name
    there = {str(path): path.read_bytes() for path in sorted(folder.rglob("*.y*ml")) if path.is_file()}
    before = _titles(parse_rules(there))
    return Change(
        new=sorted(after[id][0] for id in after.keys() - before.keys()),
        changed=sorted(after[id][0] for id in after.keys() & before.keys() if after[id][1] != before[id][1]),
        gone=sorted(before[id][0] for id in before.keys() - after.keys()),
        same=sum(after[id][1] == before[id][1] for id in after.keys() & before.keys()),
        problems=[problem for problem in found.problems if problem.fatal],
        licences=sorted(file for file in files if licence(file)),
    )


def _titles(found: RuleSet) -> dict[str, tuple[Title, str]]:
    """Rules and correlations by id, each with the hash of its content."""
    titles = {
        rule.id: (Title(rule.title, rule.id, rule.level, rule.author), rule.text_hash) for rule in found.rules
    }
    for other in found.others:
        body = other.body
        id = str(body.get("id") or body.get("title") or "")
        title = Title(
            str(body.get("title") or ""), id, str(body.get("level") or ""), str(body.get("author") or "")
        )
        titles[id] = (title, hashlib.blake2b(repr(body).encode(), digest_size=16).hexdigest())
    return titles


def put(files: Mapping[str, bytes], shelf: Path, name: str, source: str, now: str) -> Path:
    """Make these files the shelf's folder of that name, in one step; what stood there is gone. now: for the
    note of where they came from. Raises RuleError where it cannot be written; then all is as it was."""
    folder = shelf / name
    try:
        shelf.mkdir(mode=0o700, parents=True, exist_ok=True)
        # beside the shelf: what is half-written there is no rule yet
        with tempfile.TemporaryDirectory(
            dir=shelf.parent, prefix=".rules-", ignore_cleanup_errors=True
        ) as made:
            fresh, old = Path(made) / "new", Path(made) / "old"
            fresh.mkdir(mode=0o700)
            for file, data in files.items():
                path = fresh / file
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.touch(mode=0o600, exist_ok=False)
                path.write_bytes(data)
            digest = hashlib.sha256(b"".join(files[file] for file in sorted(files))).hexdigest()
            (fresh / STAMP).write_text(json.dumps({"source": source, "added": now, "sha256": digest}))
            if folder.is_symlink():
                raise RuleError(f"{folder} is a link: remove it, or give another --name.")
            if folder.exists():
                folder.rename(old)
            try:
                fresh.rename(folder)
            except OSError:
                with contextlib.suppress(OSError):
                    old.rename(folder)
                raise
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise RuleError(f"{folder} cannot be written: {error.strerror}.") from error
    return folder
