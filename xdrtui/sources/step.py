"""One thing that was tried while connecting, and how it came out."""

from __future__ import annotations

import msgspec


class Step(msgspec.Struct, frozen=True):
    """name: what was tried; ok: it works; what: what was seen, one clause; advice: what to do, empty where
    nothing is to do; kind: the same for programs, e.g. `tls.expired`, empty where it is ok."""

    name: str
    ok: bool
    what: str
    advice: str = ""
    kind: str = ""

    @property
    def sentence(self) -> str:
        """What is wrong and what to do."""
        said = f"{self.what}: {self.advice}" if self.advice else self.what
        return said if said.endswith("?") else f"{said}."
