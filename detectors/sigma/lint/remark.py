"""What a check hands back: a problem with a kind and, where it is safe to right, the edits that right it."""

from __future__ import annotations

import msgspec

from detectors.sigma.problem import Problem


class Edit(msgspec.Struct, frozen=True, order=True):
    """Put `text` in the place of the characters [start, end) of the file's text."""

    start: int
    end: int
    text: str


class Remark(Problem, frozen=True, kw_only=True):
    """kind: a short name to switch it off by; edits: what `--fix` does, all of them or none."""

    kind: str
    edits: tuple[Edit, ...] = ()
