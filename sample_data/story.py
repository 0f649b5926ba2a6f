"""How a scenario is told: title, story and, for each step, what a student is shown.

The stories themselves stand beside the attacks, in *_story.py; the evidence is added by the generator.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tale:
    """One step as told. entities: "kind value" a line, in the order of their part in it."""

    id: str
    title: str
    technique: str
    tactic: str
    sentence: str
    hint_where: str
    hint_field: str
    entities: tuple[str, ...]


@dataclass(frozen=True)
class Story:
    scenario: str
    date: str
    title: str
    story: str
    hosts: tuple[str, ...]
    tales: tuple[Tale, ...]
    look_alikes: tuple[str, ...]
