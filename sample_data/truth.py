"""The truth of a scenario: which steps the attack took, and which lines of which files are their evidence.

Written by the generator as truth.json beside the data; read by the demo, which hides it until an alert is
closed.
"""

from __future__ import annotations

import msgspec

from sample_data import scenario_dir


class EventRef(msgspec.Struct, frozen=True):
    """One event. file: name of the file as it lies in the folder; line: 0-based, in the uncompressed text."""

    file: str
    line: int


class Entity(msgspec.Struct, frozen=True):
    """Something that took part. kind: host, user, process, address, domain, file, hash, key, bucket."""

    kind: str
    value: str


class Step(msgspec.Struct, frozen=True):
    """One step of the attack.

    technique, tactic: ATT&CK ("T1059.001", "execution")
    start, end: times of its first and last event, ISO 8601
    sentence: what happened, for a student; hint_where, hint_field: where to look and which field to read
    """

    id: str
    order: int
    title: str
    technique: str
    tactic: str
    start: str
    end: str
    events: tuple[EventRef, ...]
    entities: tuple[Entity, ...]
    sentence: str
    hint_where: str
    hint_field: str


class Benign(msgspec.Struct, frozen=True):
    """What is no attack: how many events, by file, and what of it looks like one."""

    events: int
    by_file: dict[str, int]
    look_alikes: tuple[str, ...]


class Truth(msgspec.Struct, frozen=True):
    scenario: str
    title: str
    story: str
    hosts: tuple[str, ...]
    steps: tuple[Step, ...]
    benign: Benign


def load_truth(name: str) -> Truth:
    """The truth of a bundled scenario. Raises KeyError for an unknown name."""
    return msgspec.json.decode((scenario_dir(name) / "truth.json").read_bytes(), type=Truth)
