"""Which fields name something that people act on: hosts, users, processes, addresses, hashes, ...

In: `observables.yml` beside this file. Out: the kind of a field.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

KINDS = ("host", "user", "process", "address", "hash", "domain", "file", "url", "registry", "account")


@cache
def observables() -> dict[str, str]:
    """Field name -> kind, one of KINDS."""
    data: dict[str, list[str]] = yaml.safe_load(Path(__file__).with_name("observables.yml").read_bytes())
    wrong = sorted(set(data) - set(KINDS))
    if wrong:
        raise ValueError(f"observables.yml: unknown kind {wrong[0]!r}")
    return {field: kind for kind, fields in reversed(data.items()) for field in fields}


def kind_of(field: str) -> str:
    """The kind of observable that a field holds, or empty text."""
    return observables().get(field, "")
