"""Ids, the same wherever and in whatever order findings arrive. Pure; they cannot change between releases.

An alert's id is a function of (rule, group key, window of event time) alone; a ledger entry's is the hash of
its content and of the entry before it.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable

Group = tuple[tuple[str, str], ...]

ALERTS = uuid.UUID("5b1d3c7e-92f4-5c0a-8a63-0d5f7e2b41c9")
"""Namespace of alert ids."""


def canonical(value: object) -> str:
    """JSON with one spelling only: sorted keys, no blanks, ASCII (so unpaired surrogates have one too)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def canonical_group(group: Iterable[tuple[str, str]]) -> str:
    """A grouping key in one spelling: fields sorted, values case-folded (WKS-1 and wks-1 are one host)."""
    return canonical(sorted((field, value.casefold()) for field, value in group))


def window_start(time: int, window: int) -> int:
    """Start of the window that holds this time; both in nanoseconds. Windows are aligned to 1970."""
    return time // window * window


def alert_id(rule: str, group: Iterable[tuple[str, str]], start: int) -> str:
    """The id of the alert that a finding of this rule, group and window belongs to."""
    return str(uuid.uuid5(ALERTS, canonical([rule, canonical_group(group), start])))


def entry_hash(
    author: str, device: str, sequence: int, clock: int, previous: str, kind: str, subject: str, body: str
) -> str:
    """Hash of a ledger entry; subject and body are their canonical JSON."""
    content = canonical([author, device, sequence, clock, previous, kind, subject, body])
    return hashlib.sha256(content.encode("ascii")).hexdigest()
