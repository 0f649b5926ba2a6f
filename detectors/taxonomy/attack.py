"""MITRE ATT&CK in words: from a technique's id to its name and tactics.

In: an id as rules write it (`T1059.001`, `attack.t1059.001`). Out: a `Technique`, or None where the id
is unknown. Ids that ATT&CK has withdrawn lead to the technique that took their place. The names stand in
attack.yml; nothing is fetched.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from pathlib import Path

import msgspec
import yaml

_DATA = Path(__file__).with_name("attack.yml")
_ID = re.compile(r"(?:attack\.)?(t\d{4}(?:\.\d{3})?)", re.IGNORECASE)
_FORMER_TACTICS = {"defense-evasion": "stealth"}


class Technique(msgspec.Struct, frozen=True):
    """A technique or sub-technique.

    id: current, e.g. 'T1059.001'; name: of itself ('PowerShell'); parent: name of the technique above, or '';
    tactics: keys of tactics as Sigma tags write them ('privilege-escalation').
    """

    id: str
    name: str
    tactics: tuple[str, ...]
    parent: str = ""

    @property
    def full_name(self) -> str:
        """'Command and Scripting Interpreter: PowerShell'; the name alone where there is no parent."""
        return f"{self.parent}: {self.name}" if self.parent else self.name

    @property
    def url(self) -> str:
        return f"https://attack.mitre.org/techniques/{self.id.replace('.', '/')}/"


class _Sub(msgspec.Struct, frozen=True):
    name: str
    tactics: tuple[str, ...]


class _Entry(msgspec.Struct, frozen=True):
    name: str
    tactics: tuple[str, ...]
    sub: dict[str, str | _Sub] = {}


class _Tactic(msgspec.Struct, frozen=True):
    id: str
    name: str


class _Book(msgspec.Struct, frozen=True):
    tactics: dict[str, _Tactic]
    techniques: dict[str, _Entry]
    replaced: dict[str, str]


@functools.cache
def _book() -> _Book:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it is there
    return msgspec.convert(yaml.load(_DATA.read_bytes(), Loader=loader), _Book)  # noqa: S506


@functools.cache
def techniques() -> Mapping[str, Technique]:
    """All current techniques and sub-techniques by id, in the order of their ids."""
    found: dict[str, Technique] = {}
    for id, entry in _book().techniques.items():
        found[id] = Technique(id, entry.name, entry.tactics)
        for number, sub in entry.sub.items():
            if isinstance(sub, str):
                sub = _Sub(sub, entry.tactics)
            found[f"{id}.{number}"] = Technique(f"{id}.{number}", sub.name, sub.tactics, entry.name)
    return found


def technique(id: str) -> Technique | None:
    """The technique with this id, however it is written; None where ATT&CK has none such."""
    written = _ID.fullmatch(id.strip())
    if written is None:
        return None
    plain = written[1].upper()
    return techniques().get(_book().replaced.get(plain, plain))


@functools.cache
def tactics() -> Mapping[str, str]:
    """Tactics in the order of an attack: key as in Sigma tags -> name."""
    return {key: tactic.name for key, tactic in _book().tactics.items()}


def tactic_name(tactic: str) -> str | None:
    """A tactic's name from its key, tag or id ('privilege-escalation', 'attack.execution', 'TA0002')."""
    key = tactic.strip().lower().removeprefix("attack.").replace("_", "-").replace(" ", "-")
    key = _FORMER_TACTICS.get(key, key)
    for known, entry in _book().tactics.items():
        if key in (known, entry.id.lower()):
            return entry.name
    return None
