"""Which topics are meant: by name, or by a pattern with `*` and `?`.

In: what stands under `kafka.topics`, and names. Patterns never match Kafka's own topics and ours; a name of
one of ours is refused, since reading what we write ourselves would never end.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence

from xdrtui.errors import SettingsError
from xdrtui.plain import visible

_OWN = re.compile(r"__.*|xdrtui-.*|.*\.dlq", re.DOTALL)
_NAME = re.compile(r"[a-zA-Z0-9._-]{1,249}")
_PATTERN = re.compile(r"[a-zA-Z0-9._*?-]{1,249}")


def is_own(topic: str) -> bool:
    """Kafka's own (`__consumer_offsets`), or one that xdrtui writes to."""
    return _OWN.fullmatch(topic) is not None


def is_pattern(text: str) -> bool:
    return "*" in text or "?" in text


def check_topics(patterns: Sequence[str], *, own: bool = False) -> None:
    """SettingsError where one is no topic's name or pattern, or (unless `own`) Kafka's own or ours."""
    for each in patterns:
        if not _PATTERN.fullmatch(each):
            raise SettingsError(
                f"kafka.topics: {visible(each)!r} is no topic's name: letters, digits, `.`, `_` and `-`, and"
                " `*` and `?` for a pattern."
            )
        if not own and not is_pattern(each) and is_own(each):
            raise SettingsError(
                f"kafka.topics: {visible(each)} is Kafka's own topic or one that xdrtui writes: name others."
            )


def named(patterns: Iterable[str], topic: str) -> bool:
    """True if the topic is meant by one of these."""
    return any(
        fnmatch.fnmatchcase(topic, each) and not is_own(topic) if is_pattern(each) else topic == each
        for each in patterns
    )


def wanted(patterns: Sequence[str], topics: Iterable[str]) -> list[str]:
    """Those of a cluster's topics that are meant, in order of name."""
    return sorted(topic for topic in topics if named(patterns, topic))


def value_for(table: Mapping[str, str], topic: str) -> str:
    """The value under the topic's own name, else under the first pattern that matches it, else empty."""
    if topic in table:
        return table[topic]
    return next((value for key, value in table.items() if is_pattern(key) and named([key], topic)), "")


def expression(patterns: Sequence[str]) -> str:
    """One regular expression for all of them, as a subscription by pattern wants it (it is matched from the
    beginning of a name)."""
    names = [re.escape(each) for each in patterns if not is_pattern(each)]
    shapes = [fnmatch.translate(each) for each in patterns if is_pattern(each)]
    parts = [rf"(?:{name})\Z" for name in names]
    parts += [rf"(?!__|xdrtui-|.*\.dlq\Z)(?:{shape})" for shape in shapes]
    return "|".join(parts)
