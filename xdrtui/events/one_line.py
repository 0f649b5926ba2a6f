"""One plain sentence from an event, by its kind's template.

In: a template such as "{Image|file} started by {ParentImage|file}: {CommandLine}" and the event's fields.
Out: the sentence, at most 300 characters. `|file` is the last part of a path. Words around a field that the
event lacks stay; the screen's sanitiser makes control characters harmless.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from detectors.contract import Text
from xdrtui.events.values import first_text

LONGEST = 300
_FIELD = re.compile(r"\{([^{}|]+)(\|file)?\}")


def one_line(template: str, fields: Mapping[str, Text]) -> str:
    """Fill a template. A field that is missing reads `?`."""

    def value(found: re.Match[str]) -> str:
        cell = fields.get(found[1])
        text = " | ".join(cell[:5]) if isinstance(cell, tuple) else first_text(cell)
        text = " ".join(text[:2000].split())
        if found[2]:
            text = re.split(r"[\\/]", text.rstrip("\\/"))[-1]
        return text or "?"

    line = _FIELD.sub(value, template)
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
