"""Detections into expressions: a field, its chain of modifiers, its values.

Source: Sigma specification 2.1, "Detection" and "Modifiers". A map is all of its items, a list any of its
elements, a bare value a keyword; several values of an item are any of them, with `all` all of them.
"""

from __future__ import annotations

import difflib
import ipaddress
import itertools
import math
import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from detectors.sigma import strings
from detectors.sigma.expression import (
    ANY,
    ONE,
    And,
    Check,
    Cidr,
    Compare,
    Exists,
    Expression,
    FieldRef,
    IsNull,
    Like,
    Or,
    Regex,
    Test,
    TimePart,
    joined,
)
from detectors.sigma.problem import RuleProblem, gathered

Placeholders: TypeAlias = Mapping[str, Sequence[str]]
"""Values of `%name%` for the modifier expand, from the settings."""

_ENCODINGS = {"wide": "utf-16-le", "utf16le": "utf-16-le", "utf16be": "utf-16-be", "utf16": "utf-16"}
_SHAPES = {"contains": (True, True), "startswith": (False, True), "endswith": (True, False)}
_ORDERS = ("lt", "lte", "gt", "gte")
_TIME_PARTS = ("minute", "hour", "day", "week", "month", "year")
_FLAGS = {"i": "i", "ignorecase": "i", "m": "m", "multiline": "m", "s": "s", "dotall": "s"}
_PARTS_OF_TIME = {"minute": (0, 59), "hour": (0, 23), "day": (1, 31), "week": (1, 53), "month": (1, 12)}
_BESIDE: Mapping[str, tuple[str, ...]] = {
    "re": (*_FLAGS, *_SHAPES, "expand", "cased"),
    "cidr": ("expand",),
    "exists": (),
    "fieldref": (*_SHAPES, "cased"),
    **dict.fromkeys(_ORDERS, _TIME_PARTS),
    **dict.fromkeys(_TIME_PARTS, _ORDERS),
}
"""The modifiers that make a value something else than text, and those that may stand beside them; `all` and
`neq` may stand beside all but exists."""
_PLACEHOLDER = re.compile(r"(?<!\\)%([A-Za-z0-9_.-]+)%")
MODIFIERS = (
    *_SHAPES, *_ENCODINGS, *_ORDERS, *_TIME_PARTS, "all", "exists", "cased", "neq", "windash", "base64",
    "base64offset", "re", *_FLAGS, "cidr", "expand", "fieldref",
)  # fmt: skip
_DEPTH = 50
_ITEMS = 20_000
_LONGEST_FIELD = 512
_LONGEST_NUMBER = 400
_LONGEST_VALUE = 65_536


class Unfilled(RuleProblem):
    """A placeholder has no value: the rule is off until the settings give it one."""


def parse_detection(node: object, placeholders: Placeholders, depth: int = 0) -> Expression:
    """The expression of one named detection. Raises RuleProblem with the path inside the detection."""
    if depth > _DEPTH:
        raise RuleProblem(f"detections nest more than {_DEPTH} deep")
    if isinstance(node, dict):
        if not node:
            raise RuleProblem("an empty map would match every event", "name at least one field")
        items, wrong = [], []
        for key, value in node.items():
            try:
                items.append(parse_item(str(key), value, placeholders))
            except RuleProblem as problem:
                wrong.append(problem.under(str(key)))
        if wrong:
            raise gathered(wrong)
        return joined(items, And)
    if isinstance(node, list):
        if not node:
            raise RuleProblem("an empty list matches nothing", "give it a value or remove it")
        if len(node) > _ITEMS:
            raise RuleProblem(f"{len(node):,} elements in one list", f"split it: {_ITEMS:,} are the most")
        elements, wrong = [], []
        for index, element in enumerate(node):
            try:
                elements.append(parse_detection(element, placeholders, depth + 1))
            except RuleProblem as problem:
                wrong.append(problem.under(index))
        if wrong:
            raise gathered(wrong)
        return joined(elements, Or)
    return parse_item("", node, placeholders)


def parse_item(key: str, value: object, placeholders: Placeholders) -> Expression:
    """The expression of one detection item, `field|modifier|...: values`."""
    field, *modifiers = key.split("|")
    if len(field) > _LONGEST_FIELD:
        raise RuleProblem(f"a field's name of {len(field):,} characters", f"{_LONGEST_FIELD} are the most")
    for modifier in modifiers:
        if modifier not in MODIFIERS:
            near = difflib.get_close_matches(modifier, MODIFIERS, 1)
            raise RuleProblem(
                f"there is no modifier '{modifier}'",
                f"did you mean '{near[0]}'?" if near else "see the manual",
            )
    _check_chain(field, modifiers)
    values = value if isinstance(value, list) else [value]
    if not values:
        raise RuleProblem("an empty list of values matches nothing", "give it a value or remove the item")
    if len(values) > _ITEMS:
        raise RuleProblem(f"{len(values):,} values in one item", f"split it: {_ITEMS:,} are the most")
    all_of = "all" in modifiers
    if all_of and len(values) < 2:
        all_of = False
    chain = [modifier for modifier in modifiers if modifier not in ("all", "neq")]
    negated = "neq" in modifiers
    written = "|".join(modifiers)
    expressions: list[Expression] = []
    for single in values:
        checks = _checks(field, chain, single, placeholders)
        if negated and len(checks) > 1:
            # none of the spellings may occur: all of the negated tests
            tests: list[Expression] = [Test(field, check, True, written) for check in checks]
            expressions.append(joined(tests, And))
        else:
            expressions.append(joined([Test(field, check, negated, written) for check in checks], Or))
    if negated:
        # different from every listed value; with `all` written too it is the same
        return joined(expressions, And)
    return joined(expressions, And if all_of else Or)


def _check_chain(field: str, modifiers: list[str]) -> None:
    """Raises RuleProblem where the modifiers cannot stand together."""
    typed = next((modifier for modifier in modifiers if modifier in _BESIDE), None)
    if typed is None:
        return
    if not field and typed in ("exists", "fieldref"):
        raise RuleProblem(f"{typed} needs a field", f"write field|{typed}")
    allowed = (typed, *_BESIDE[typed], *(() if typed == "exists" else ("all", "neq")))
    other = next((modifier for modifier in modifiers if modifier not in allowed), None)
    if other is not None:
        remedy = "write exists: false for absent" if typed == "exists" else f"keep {typed} or {other}"
        raise RuleProblem(f"'{typed}' and '{other}' do not go together", remedy)


def _checks(field: str, chain: list[str], value: object, placeholders: Placeholders) -> list[Check]:
    """The checks any of which makes this one value match."""
    if isinstance(value, dict | list):
        raise RuleProblem(
            "a value may not be a map or a list here", "use text, a number, true, false or null"
        )
    typed = next((modifier for modifier in chain if modifier in _TYPED), None)
    if typed is not None:
        return _TYPED[typed](field, chain, value, placeholders)
    if not field and (value is None or value == ""):
        raise RuleProblem("an empty keyword would match every event", "name what is looked for")
    if value is None:
        if chain:
            raise RuleProblem(f"null takes no modifier '{chain[0]}'", "write the field without modifiers")
        return [IsNull()]
    text = _text(value)
    if len(text) > _LONGEST_VALUE:
        raise RuleProblem(f"a value of {len(text):,} characters", f"{_LONGEST_VALUE:,} are the most")
    spellings = _spellings(chain, strings.parse(text), placeholders)
    if not field:  # a keyword is looked for inside the values
        spellings = [strings.around(parts, before=True, after=True) for parts in spellings]
    return [Like(parts, "cased" in chain) for parts in spellings]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _spellings(chain: list[str], parts: strings.Parts, placeholders: Placeholders) -> list[strings.Parts]:
    """What the chain makes of one value, modifier by modifier. encoded: between an encoding and the Base64
    that follows it, a text has one character a byte."""
    found, encoded = [parts], False
    for modifier in chain:
        if modifier == "expand":
            found = [each for parts in found for each in _expand(parts, placeholders)]
        elif modifier in _ENCODINGS or modifier.startswith("base64"):
            found = [each for parts in found for each in strings.without_dashes(parts, _ITEMS)]
            if modifier in _ENCODINGS:
                found = [_encoded(parts, modifier) for parts in found]
            else:
                found = [each for parts in found for each in _base64(parts, modifier, encoded)]
            encoded = modifier in _ENCODINGS
        else:
            found = [_reshape(modifier, parts) for parts in found]
    return found


def _reshape(modifier: str, parts: strings.Parts) -> strings.Parts:
    """One string modifier on one spelling."""
    if modifier in _SHAPES:
        before, after = _SHAPES[modifier]
        return strings.around(parts, before=before, after=after)
    if modifier == "windash":
        return strings.windash(parts)
    if modifier == "cased":
        return parts
    raise RuleProblem(f"modifier '{modifier}' must follow 're'", "write re first")


def _encoded(parts: strings.Parts, modifier: str) -> strings.Parts:
    data = strings.plain(parts, modifier).encode(_ENCODINGS[modifier], "surrogatepass")
    return (data.decode("latin-1"),)


def _base64(parts: strings.Parts, modifier: str, encoded: bool) -> list[strings.Parts]:
    """The text in Base64; base64offset gives three spellings."""
    data = strings.plain(parts, modifier).encode("latin-1" if encoded else "utf-8", "surrogatepass")
    if modifier == "base64":
        return [(strings.encode_base64(data),)]
    return [(text,) for text in strings.base64_offsets(data) if text]


def _expand(parts: strings.Parts, placeholders: Placeholders) -> list[strings.Parts]:
    """Every combination of the placeholders' values; `\\%` is a plain percent. Placeholders without a value
    switch the rule off."""
    pieces: list[list[strings.Parts]] = []
    for part in parts:
        if not isinstance(part, str):
            pieces.append([(part,)])
            continue
        for index, text in enumerate(_PLACEHOLDER.split(part)):
            if index % 2 == 0:
                pieces.append([(text.replace("\\%", "%"),)] if text else [()])
            else:
                pieces.append([strings.parse(str(value)) for value in _filled(text, placeholders)])
    count = math.prod(map(len, pieces))
    if count > _ITEMS:
        raise RuleProblem(f"its placeholders make {count:,} values", f"{_ITEMS:,} are the most")
    return [_merged(tuple(itertools.chain.from_iterable(choice))) for choice in itertools.product(*pieces)]


def _filled(name: str, placeholders: Placeholders) -> Sequence[str]:
    if name not in placeholders:
        raise Unfilled(
            f"placeholder '%{name}%' has no value", f"give it one in the settings under placeholders.{name}"
        )
    return placeholders[name]


def _merged(parts: strings.Parts) -> strings.Parts:
    """Neighbouring texts as one."""
    result: list[str | int] = []
    for part in parts:
        if isinstance(part, str) and result and isinstance(result[-1], str):
            result[-1] += part
        else:
            result.append(part)
    return tuple(result)


def _regex(field: str, chain: list[str], value: object, placeholders: Placeholders) -> list[Check]:
    flags = "".join(sorted({_FLAGS[modifier] for modifier in chain if modifier in _FLAGS}))
    pattern = _text(value)
    if value is None or not pattern:
        raise RuleProblem("a regular expression may not be empty")
    if "expand" in chain:
        pattern = _PLACEHOLDER.sub(lambda found: _any_of(_filled(found[1], placeholders)), pattern)
        pattern = pattern.replace("\\%", "%")
    if "startswith" in chain:
        pattern = f"^(?:{pattern})"
    if "endswith" in chain:
        pattern = f"(?:{pattern})$"
    if len(pattern) > 20_000:
        raise RuleProblem(f"a regular expression of {len(pattern):,} characters", "20,000 are the most")
    try:
        re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise RuleProblem(f"the regular expression is wrong: {error}") from None
    return [Regex(pattern, flags)]


def _any_of(values: Sequence[str]) -> str:
    """A placeholder's values, which are Sigma strings, inside a regular expression."""
    wild = {ANY: ".*", ONE: "."}
    texts = [
        "".join(
            re.escape(part) if isinstance(part, str) else wild[part] for part in strings.parse(str(value))
        )
        for value in values
    ]
    return f"(?:{'|'.join(texts)})"


def _cidr(field: str, chain: list[str], value: object, placeholders: Placeholders) -> list[Check]:
    texts = [_text(value)]
    if "expand" in chain:
        texts = [strings.plain(each, "cidr") for each in _expand((texts[0],), placeholders)]
    try:
        return [Cidr(str(ipaddress.ip_network(text, strict=False))) for text in texts]
    except ValueError as error:
        raise RuleProblem(f"not a network: {error}", "write it as 10.0.0.0/8 or 2001:db8::/32") from None


def _exists(field: str, chain: list[str], value: object, placeholders: Placeholders) -> list[Check]:
    if not isinstance(value, bool):
        raise RuleProblem("exists takes true or false")
    return [Exists(value)]


def _fieldref(field: str, chain: list[str], value: object, placeholders: Placeholders) -> list[Check]:
    if not isinstance(value, str) or not value:
        raise RuleProblem("fieldref takes the name of a field")
    mode = next((modifier for modifier in chain if modifier in _SHAPES), "equals")
    return [FieldRef(value, mode, "cased" in chain)]


def _number(value: object) -> Decimal:
    try:
        number = Decimal(_text(value))
    except InvalidOperation:
        number = Decimal("nan")
    if isinstance(value, bool) or not number.is_finite() or abs(number.adjusted()) > _LONGEST_NUMBER:
        raise RuleProblem(f"'{_text(value)[:40]}' is no number, or none that an event could hold")
    return number


def _compare(field: str, chain: list[str], value: object, placeholders: Placeholders) -> list[Check]:
    part = next((modifier for modifier in chain if modifier in _TIME_PARTS), None)
    operator = next((modifier for modifier in chain if modifier in _ORDERS), "eq")
    number = _number(value)
    if part is None:
        return [Compare(operator, str(number))]
    if number != int(number):
        raise RuleProblem(f"{part} takes a whole number")
    least, most = _PARTS_OF_TIME.get(part, (number, number))
    if operator == "eq" and not least <= number <= most:
        raise RuleProblem(f"{part} {number} never comes", f"write a number from {least} to {most}")
    return [TimePart(part, operator, int(number))]


_TYPED: Mapping[str, Callable[[str, list[str], object, Placeholders], list[Check]]] = {
    "re": _regex,
    "cidr": _cidr,
    "exists": _exists,
    "fieldref": _fieldref,
    **dict.fromkeys((*_ORDERS, *_TIME_PARTS), _compare),
}
