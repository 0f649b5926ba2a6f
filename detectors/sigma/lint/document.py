"""One YAML document of a rule file with the place of everything in it.

In: the bytes of a file. Out: `Document`s: the plain data, and the nodes that tell line, column and the
characters of each part, so that remarks have places and edits leave the rest of the text alone.
"""

from __future__ import annotations

import re
from typing import TypeAlias

import yaml

from detectors.sigma.documents import compose_documents
from detectors.sigma.lint.remark import Edit, Remark

Path: TypeAlias = "tuple[str | int, ...]"

_ENTRY = re.compile(r"[ \t]*-[ \t]+")


class Document:
    """One rule, filter or correlation. text: of the whole file, without a byte order mark; node: of this
    document; body: its plain data; alone: no other document of the file adds to it."""

    def __init__(
        self, file: str, text: str, node: yaml.MappingNode, body: dict[str, object], alone: bool
    ) -> None:
        self.file = file
        self.text = text
        self.node = node
        self.body = body
        self.alone = alone

    def find(self, *path: str | int) -> tuple[yaml.Node, yaml.Node] | None:
        """The key (or the entry itself in a list) and the value at a path; None where there is none."""
        key: yaml.Node = self.node
        value: yaml.Node = self.node
        for step in path:
            if isinstance(value, yaml.MappingNode):
                pair = next(((k, v) for k, v in value.value if getattr(k, "value", None) == str(step)), None)
                if pair is None:
                    return None
                key, value = pair
            elif isinstance(value, yaml.SequenceNode) and isinstance(step, int) and step < len(value.value):
                key = value = value.value[step]
            elif step == 0 and isinstance(value, yaml.ScalarNode):
                pass  # one value written without a list
            else:
                return None
        return key, value

    def scalar(self, *path: str | int) -> yaml.ScalarNode | None:
        """The text node at a path."""
        found = self.find(*path)
        return found[1] if found and isinstance(found[1], yaml.ScalarNode) else None

    def remark(
        self, kind: str, message: str, remedy: str = "", path: Path = (), edits: tuple[Edit, ...] = ()
    ) -> Remark:
        """A remark at the deepest part of a path that exists."""
        found = self.find(*path)
        while found is None:
            path = path[:-1]
            found = self.find(*path)
        mark = found[0].start_mark
        return Remark(
            self.file, mark.line + 1, mark.column + 1, message, remedy, False, kind=kind, edits=edits
        )

    def written(self, node: yaml.Node) -> str:
        """The characters of a node as they stand in the file."""
        return self.text[node.start_mark.index : node.end_mark.index]

    def rewrite(self, node: yaml.Node | None, old: str, new: str) -> tuple[Edit, ...]:
        """Edits that make the value `new` of a scalar whose value is `old`; none where quoting makes the text
        differ from the value, or the new value would need quotes that are not there."""
        if not isinstance(node, yaml.ScalarNode) or node.value != old:
            return ()
        written = self.written(node)
        quote = written[:1] if written[:1] in ("'", '"') else ""
        inner = written[1:-1] if quote else written
        if (
            inner != old
            or not new
            or "\n" in new
            or "'" in new
            or '"' in new
            or ("\\" in new and quote == '"')
        ):
            return ()
        if not quote and not re.fullmatch(r"[A-Za-z0-9][\w./ -]*[\w.]|\w", new):
            return ()
        return (Edit(node.start_mark.index, node.end_mark.index, f"{quote}{new}{quote}"),)

    def without_entry(self, node: yaml.Node) -> tuple[Edit, ...]:
        """Edits that take the line of a list's entry away; none where other things stand on that line."""
        start = self.text.rfind("\n", 0, node.start_mark.index) + 1
        end = self.text.find("\n", node.end_mark.index)
        end = len(self.text) if end < 0 else end + 1
        before = self.text[start : node.start_mark.index]
        after = self.text[node.end_mark.index : end]
        if node.start_mark.line != node.end_mark.line or not _ENTRY.fullmatch(before) or after.strip():
            return ()
        return (Edit(start, end, ""),)


def read(data: bytes, file: str) -> list[Document]:
    """The documents of a file; none where it cannot be read (which parsing tells of)."""
    try:
        text = data.decode("utf-8-sig")
        pairs = compose_documents(data)
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError, ValueError):
        return []
    maps = [(n, b) for n, b in pairs if isinstance(n, yaml.MappingNode) and isinstance(b, dict)]
    alone = not any("action" in body for _, body in maps)
    return [Document(file, text, node, body, alone) for node, body in maps]
