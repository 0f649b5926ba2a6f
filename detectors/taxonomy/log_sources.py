"""Sigma's names: log sources that are right though no layout may bring them, and fields of fixed events.

In: parts of a log source. Out: what is known about them, from log_sources.yml. For remarks about rules only;
matching never asks.
"""

from __future__ import annotations

import functools
from pathlib import Path

import msgspec
import yaml

_DATA = Path(__file__).with_name("log_sources.yml")


class Names(msgspec.Struct, frozen=True):
    """products and categories; services by product ("" for none); fields of Windows categories with a fixed
    form, those of `common` on each of them."""

    products: frozenset[str]
    categories: frozenset[str]
    services: dict[str, frozenset[str]]
    fields: dict[str, frozenset[str]]

    def fields_of(self, product: str, category: str) -> frozenset[str]:
        """All fields that events of a category have; empty where that is open."""
        if product != "windows" or category not in self.fields or category == "common":
            return frozenset()
        return self.fields[category] | self.fields["common"]

    @property
    def every_field(self) -> frozenset[str]:
        return frozenset().union(*self.fields.values())


@functools.cache
def names() -> Names:
    """What Sigma calls things."""
    return msgspec.convert(yaml.safe_load(_DATA.read_text(encoding="utf-8")), Names)
