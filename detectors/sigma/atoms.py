"""Atoms: every distinct test of all rules, grouped by the column it looks at, answered once per distinct
value.

A `Column` takes one cell and gives the set of its atoms that are true. All string patterns of a column are
one Hyperscan database over the case-folded text; cased patterns are a second one over the text as it is,
and regular expressions a third; exact values are a dictionary. The matcher keeps the answers, so the work
here is done once a distinct value."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from decimal import Decimal
from typing import TypeAlias

import hyperscan
import msgspec

from detectors.contract import NULL, Text
from detectors.sigma.cache import Cache
from detectors.sigma.expression import (
    ANY,
    Check,
    Cidr,
    Compare,
    Exists,
    FieldRef,
    IsNull,
    Like,
    Regex,
    Test,
    TimePart,
)
from detectors.sigma.patterns import Patterns, Regexes, compile_pattern
from detectors.sigma.values import LinearLike, TimedRegex, fold, in_order, number_of, time_part

Atom: TypeAlias = int

Scanned: TypeAlias = "tuple[Atom, Like | Regex]"


class Atoms:
    """The table of atoms: a test seen twice, in whatever rules, is one atom."""

    def __init__(self) -> None:
        self._ids: dict[tuple[str, Check, bool], Atom] = {}
        self.columns: dict[str, list[tuple[Atom, Check, bool]]] = {}
        self._column_of: list[str] = []

    def __len__(self) -> int:
        return len(self._ids)

    def intern(self, test: Test) -> Atom:
        """The number of this test's atom."""
        column = column_of(test)
        key = (column, test.check, test.negated)
        atom = self._ids.get(key)
        if atom is None:
            atom = self._ids[key] = len(self._ids)
            self._column_of.append(column)
            self.columns.setdefault(column, []).append((atom, test.check, test.negated))
        return atom

    def column(self, atom: Atom) -> str:
        """The column that an atom belongs to."""
        return self._column_of[atom]


def column_of(test: Test) -> str:
    """The column that answers a test: its field; for a field reference both fields; empty for keywords."""
    return f"{test.field}\0{test.check.other}" if isinstance(test.check, FieldRef) else test.field


def fields_of(column: str) -> tuple[str, ...]:
    """The fields whose cells a column is made of."""
    return tuple(column.split("\0")) if column else ()


class Column:
    """All atoms of one column. `match(cell)` gives those that are true for the cell."""

    def __init__(self, checks: Iterable[tuple[Atom, Check, bool]], cache: Cache | None = None) -> None:
        self.null: list[Atom] = []
        self.present: list[Atom] = []
        self.absent: list[Atom] = []
        self.negated: list[tuple[Atom, Atom]] = []
        self.anything: list[Atom] = []
        self.exact: dict[str, list[Atom]] = {}
        self.exact_cased: dict[str, list[Atom]] = {}
        self.networks: list[tuple[Atom, ipaddress.IPv4Network | ipaddress.IPv6Network]] = []
        self.compares: list[tuple[Atom, str, Decimal]] = []
        self.time_parts: list[tuple[Atom, TimePart]] = []
        self.references: list[tuple[Atom, FieldRef]] = []
        self.slow: list[tuple[Atom, LinearLike | TimedRegex]] = []
        folded: list[Scanned] = []
        as_written: list[Scanned] = []
        regexes: list[Scanned] = []
        hidden = -1  # atoms below zero are only there for the negated one that asks for them
        for atom, check, negated in checks:
            if negated:
                self.negated.append((hidden, atom))
                atom, hidden = hidden, hidden - 1
            if isinstance(check, Regex):
                regexes.append((atom, check))
            else:
                self._place(atom, check, folded, as_written)
        cache = cache or Cache(None)
        self.folded = self._patterns(folded, cache)
        self.as_written = self._patterns(as_written, cache)
        self.regexes = self._regexes(regexes, cache)

    def _patterns(self, scanned: list[Scanned], cache: Cache) -> Patterns | None:
        database, atoms, _ = self._database(scanned, cache)
        return Patterns(database, atoms) if database is not None else None

    def _regexes(self, scanned: list[Scanned], cache: Cache) -> Regexes | None:
        database, atoms, checks = self._database(scanned, cache)
        return Regexes(database, atoms, checks) if database is not None else None

    def _database(
        self, scanned: list[Scanned], cache: Cache
    ) -> tuple[hyperscan.Database | None, list[Atom], list[Like | Regex]]:
        """One database of all of them, with their atoms and checks in its order; what Hyperscan refuses goes
        to `slow`."""
        if not scanned:
            return None, [], []
        # in an order of their own, so that the entry stays good when other rules come and go
        keyed = sorted(
            ((msgspec.msgpack.encode(check), atom, check) for atom, check in scanned), key=lambda k: k[0]
        )
        ordered = [check for _, _, check in keyed]
        database, refused = cache.database(
            b"\0".join(key for key, _, _ in keyed), lambda: [compile_pattern(check) for check in ordered]
        )
        for index in refused:
            check = ordered[index]
            slow = LinearLike(check) if isinstance(check, Like) else TimedRegex(check)
            self.slow.append((keyed[index][1], slow))
        return database, [atom for _, atom, _ in keyed], ordered

    def _place(self, atom: Atom, check: Check, folded: list[Scanned], as_written: list[Scanned]) -> None:
        match check:
            case Like():
                self._place_like(atom, check, folded, as_written)
            case Cidr():
                self.networks.append((atom, ipaddress.ip_network(check.network)))
            case Compare():
                self.compares.append((atom, check.operator, Decimal(check.number)))
            case TimePart():
                self.time_parts.append((atom, check))
            case IsNull():
                self.null.append(atom)
            case Exists():
                (self.present if check.wanted else self.absent).append(atom)
            case FieldRef():
                self.references.append((atom, check))

    def _place_like(self, atom: Atom, check: Like, folded: list[Scanned], as_written: list[Scanned]) -> None:
        if check.parts and all(part == ANY for part in check.parts):
            self.anything.append(atom)
        elif all(isinstance(part, str) for part in check.parts):
            text = "".join(str(part) for part in check.parts)
            exact, text = (self.exact_cased, text) if check.cased else (self.exact, fold(text))
            exact.setdefault(text, []).append(atom)
        else:
            (as_written if check.cased else folded).append((atom, check))

    def match(self, cell: Text | tuple[Text, Text]) -> frozenset[Atom]:
        """The atoms that are true for this cell. A cell with several values: those true for any of them."""
        if cell is None:
            return frozenset((*self.null, *self.absent))
        if cell is NULL:
            return frozenset((*self.null, *self.present))
        found: list[Atom] = list(self.present)
        if isinstance(cell, str):
            self._match_text(cell, found)
        else:
            for text in cell:
                self._match_text(str(text), found)
        result = set(found)
        for hidden, atom in self.negated:
            if hidden not in result:
                result.add(atom)
        return frozenset(atom for atom in result if atom >= 0)

    def match_pair(self, left: Text, right: Text) -> frozenset[Atom]:
        """For the column of a field reference: the atoms true for the cells of both fields."""
        if left is None or left is NULL:
            return frozenset()
        lefts = (left,) if isinstance(left, str) else tuple(left)
        rights = (
            () if right is None or right is NULL else (right,) if isinstance(right, str) else tuple(right)
        )
        found = {
            atom
            for atom, check in self.references
            if any(_refers(check, one, other) for one in lefts for other in rights)
        }
        found.update(atom for hidden, atom in self.negated if hidden not in found)
        return frozenset(atom for atom in found if atom >= 0)

    def _match_text(self, text: str, found: list[Atom]) -> None:
        folded = fold(text)
        found.extend(self.anything)
        exact = self.exact.get(folded)
        if exact:
            found.extend(exact)
        if self.exact_cased:
            found.extend(self.exact_cased.get(text, ()))
        if self.folded is not None:
            self.folded.search(folded, found)
        if self.as_written is not None:
            self.as_written.search(text, found)
        if self.regexes is not None:
            self.regexes.search(text, found)
        for atom, matcher in self.slow:
            if matcher.matches(text, folded):
                found.append(atom)
        if self.networks:
            self._match_networks(text, found)
        if self.compares:
            number = number_of(text)
            if number is not None:
                found.extend(
                    atom for atom, operator, bound in self.compares if in_order(number, operator, bound)
                )
        for atom, part in self.time_parts:
            value = time_part(text, part.unit)
            if value is not None and in_order(Decimal(value), part.operator, Decimal(part.number)):
                found.append(atom)

    def _match_networks(self, text: str, found: list[Atom]) -> None:
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            return
        mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
        for atom, network in self.networks:
            if address in network or (mapped is not None and mapped in network):
                found.append(atom)


def _refers(check: FieldRef, one: str, other: str) -> bool:
    if not check.cased:
        one, other = fold(one), fold(other)
    match check.mode:
        case "contains":
            return other in one
        case "startswith":
            return one.startswith(other)
        case "endswith":
            return one.endswith(other)
    return one == other
