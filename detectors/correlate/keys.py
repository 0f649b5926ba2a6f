"""Values as correlations compare them: case-folded, addresses in canonical form, numbers exact."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import islice, product

from detectors.contract import Text
from detectors.correlate.model import Number

MOST_KEYS = 16
"""Groups that one match may enter, where its fields hold lists."""

_ADDRESS = re.compile(r"^[0-9a-fA-F:.]{2,45}$")
_NUMBER = re.compile(r"^[+-]?[0-9]{1,60}(\.[0-9]{1,60})?([eE][+-]?[0-9]{1,2})?$")


@lru_cache(maxsize=1 << 16)
def fold(value: str) -> str:
    """The form in which values are compared: ::FFFF:10.0.0.1 is 10.0.0.1, ADMIN is admin."""
    if (":" in value or "." in value) and _ADDRESS.match(value):
        try:
            address = ipaddress.ip_address(value)
        except ValueError:
            return value.casefold()
        mapped = getattr(address, "ipv4_mapped", None)
        return str(mapped or address)
    return value.casefold()


@lru_cache(maxsize=1 << 14)
def number(text: str) -> Number | None:
    """The number that a text is, exactly; None for anything else (hexadecimal, nan, '12 MB')."""
    stripped = text.strip()
    if not _NUMBER.match(stripped):
        return None
    if stripped.lstrip("+-").isdigit():
        return int(stripped)
    fraction = Fraction(stripped)
    return fraction.numerator if fraction.denominator == 1 else fraction


def spellings(cell: Text, most: int) -> dict[str, str]:
    """folded -> first spelling of each value of a cell; nothing for null and absent; '' is a value."""
    if isinstance(cell, str):
        return {fold(cell): cell}
    if not isinstance(cell, tuple):
        return {}
    found: dict[str, str] = {}
    for value in cell:
        found.setdefault(fold(value), value)
        if len(found) == most:
            break
    return found


def keys_of(
    cells: Sequence[Text], most: int = MOST_KEYS
) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]:
    """(folded key, its spelling) of each group that these group-by cells enter; nothing where one is null."""
    if len(cells) == 1 and isinstance(cells[0], str):
        return (((fold(cells[0]),), (cells[0],)),)
    choices = [tuple(spellings(cell, most).items()) for cell in cells]
    return tuple(
        (tuple(part[0] for part in parts), tuple(part[1] for part in parts))
        for parts in islice(product(*choices), most)
    )


def tuples_of(cells: Sequence[Text], most: int = MOST_KEYS) -> tuple[tuple[str, ...], ...]:
    """The distinct values that a match brings to a value count: a tuple a combination of its fields'
    values."""
    return tuple(sorted({key for key, _ in keys_of(cells, most)}))


def numbers_of(cell: Text) -> tuple[tuple[Number, ...], int]:
    """The numbers among a cell's values, and how many of them were none."""
    texts = (cell,) if isinstance(cell, str) else cell if isinstance(cell, tuple) else ()
    found = [number(text) for text in texts]
    numbers = tuple(sorted(value for value in found if value is not None))
    return numbers, len(found) - len(numbers)


def cells_of(values: Mapping[str, Text], fields: Sequence[str]) -> Iterator[Text]:
    for field in fields:
        yield values.get(field)
