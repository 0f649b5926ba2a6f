"""What stands at the very end of a value is found, whatever else is searched for beside it."""

from __future__ import annotations

import random

import regex

from detectors.sigma.atoms import Column
from detectors.sigma.expression import ANY, Like, Regex
from detectors.sigma.values import LinearLike, fold

LETTERS = "abcd\\.e x"
ROUNDS = 400


def some(rng: random.Random, least: int, most: int) -> str:
    return "".join(rng.choices(LETTERS, k=rng.randint(least, most)))


def test_patterns_that_match_at_the_end_of_a_value_are_found() -> None:
    """Hyperscan 0.9.1 by itself overlooks about one in a hundred of these."""
    rng = random.Random(1)
    for number in range(ROUNDS):
        cased = bool(number % 2)
        words = [some(rng, 1, 6) for _ in range(rng.choice((1, 2, 3, 4, 6, 10)))]
        shapes = [(ANY, word) if rng.random() < 0.5 else (ANY, word, ANY) for word in words]
        likes = [Like(shape, cased) for shape in shapes]
        column = Column((atom, like, False) for atom, like in enumerate(likes))
        for word in words:
            value = some(rng, 0, 60) + word
            found = column.match(value)
            assert found == {
                i for i, like in enumerate(likes) if LinearLike(like).matches(value, fold(value))
            }


def test_expressions_that_match_at_the_end_of_a_value_are_found_and_no_others() -> None:
    rng = random.Random(2)
    ends = ["", "", "$", "[^z]?$", r"\b", r"\Z", r"\s*$", "[^a]"]
    for _ in range(ROUNDS):
        words = [some(rng, 2, 6) for _ in range(rng.choice((1, 2, 3, 4, 6, 10)))]
        checks = [Regex(regex.escape(word, special_only=True) + rng.choice(ends)) for word in words]
        column = Column((atom, check, False) for atom, check in enumerate(checks))
        for word in words:
            value = some(rng, 0, 60) + word
            expected = {i for i, check in enumerate(checks) if regex.search(check.pattern, value)}
            assert column.match(value) == expected
