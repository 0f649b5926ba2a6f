"""One thing that the doctor looked at: how it stands, what was seen, and what to do about it."""

from __future__ import annotations

import enum

import msgspec


class State(enum.Enum):
    """fine: nothing to do; limited: works, with something missing; broken: something cannot work; unknown:
    could not be found out."""

    FINE = "fine"
    LIMITED = "limited"
    BROKEN = "broken"
    UNKNOWN = "unknown"


class Check(msgspec.Struct, frozen=True):
    """area: terminal, machine, configuration, rules, broker, sample; todo: empty where nothing is to do."""

    area: str
    name: str
    state: State
    seen: str
    todo: str = ""
