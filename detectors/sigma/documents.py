"""Rule files into plain documents: safe YAML, bounded, with a place for every error.

YAML is read by libyaml's safe loader without positions; only when something is wrong the text is composed a
second time to find the line and column of a path.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import yaml

from detectors.sigma.problem import Problem

LARGEST = 4_000_000
_DEPTH = 60
_ALIASES = 30
_VALUES = 500_000
_DOCUMENTS = 10_000
_DEEP_BLOCKS = re.compile(rb"(?:[-?:][ \t]+){30}|^[ ]{200}", re.MULTILINE)
_ALIAS = re.compile(rb"(?:^|[\s\[,{:-])\*[A-Za-z0-9_]")
_BRACKETS = re.compile(rb"[\[\]{}]")
_base: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_base):  # type: ignore[misc]
    """Safe YAML in which dates, sexagesimal numbers, yes and no stay text and fractions stay exact, as YAML
    1.2 has it, which Sigma is written in."""


_kept = {"tag:yaml.org,2002:null", "tag:yaml.org,2002:merge"}
_Loader.yaml_implicit_resolvers = {
    char: [(tag, pattern) for tag, pattern in resolvers if tag in _kept]
    for char, resolvers in _base.yaml_implicit_resolvers.items()  # type: ignore[attr-defined]
}
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")
)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:int", re.compile(r"^(?:[-+]?(?:0|[1-9]\d*)|0x[0-9a-fA-F]+)$"), None
)
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+\.\d+$"), None)
_Loader.add_constructor(
    "tag:yaml.org,2002:float", lambda loader, node: Decimal(loader.construct_scalar(node))
)


def rule_files(path: Path) -> Iterator[Path]:
    """The rule files under a path, in the order of their names; a file stands for itself."""
    if path.is_dir():
        yield from sorted(
            each for each in path.rglob("*") if each.suffix in (".yml", ".yaml") and each.is_file()
        )
    else:
        yield path


def read_documents(text: bytes, file: str) -> tuple[list[dict[str, object]], list[Problem]]:
    """The documents of one rule file, `action: global` applied, and what is wrong with the file itself."""
    if len(text) > LARGEST:
        return [], [Problem(file, 0, 0, f"{len(text):,} bytes", f"a rule file has {LARGEST:,} at the most")]
    try:
        if _may_be_hostile(text):
            _check_events(text)
        loaded = list(yaml.load_all(text.decode("utf-8-sig"), _Loader))
        _weigh(text, loaded)
    except UnicodeDecodeError as error:
        return [], [
            Problem(file, text[: error.start].count(b"\n") + 1, 0, "not UTF-8", "save the file as UTF-8")
        ]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        clause = str(getattr(error, "problem", None) or error).replace("\n", " ")
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        return [], [Problem(file, line, column, f"not YAML: {clause}")]
    except (RecursionError, ValueError) as error:
        return [], [
            Problem(file, 0, 0, f"not usable YAML: {type(error).__name__}", "it nests too deep or is broken")
        ]
    if len(loaded) > _DOCUMENTS:
        said = f"{len(loaded):,} documents"
        return [], [Problem(file, 0, 0, said, f"split it: {_DOCUMENTS:,} in one file are the most")]
    documents: list[dict[str, object]] = []
    problems: list[Problem] = []
    common: dict[str, object] = {}
    for document in loaded:
        if document is None:
            continue
        if not isinstance(document, dict):
            problems.append(Problem(file, 1, 1, f"a rule is a map, not {type(document).__name__}"))
            continue
        action = document.get("action")
        if action == "global":
            common = {key: value for key, value in document.items() if key != "action"}
        elif action == "reset":
            common = {}
        elif action == "repeat" and documents:
            documents.append(_merged(documents[-1], {k: v for k, v in document.items() if k != "action"}))
        else:
            documents.append(_merged(common, document))
    return documents, problems


def compose_documents(text: bytes) -> list[tuple[yaml.Node, object]]:
    """The documents of a file as nodes, which know their places, with their plain data. Raises what
    `read_documents` makes problems of."""
    if len(text) > LARGEST:
        raise ValueError("too large")
    if _may_be_hostile(text):
        _check_events(text)
    loader = _Loader(text.decode("utf-8-sig"))
    try:
        found: list[tuple[yaml.Node, object]] = []
        while loader.check_node():
            node = loader.get_node()
            found.append((node, loader.construct_document(node)))
        _weigh(text, [data for _, data in found])
        return found
    finally:
        loader.dispose()


def _may_be_hostile(text: bytes) -> bool:
    """Whether the text may nest deep or use many aliases: libyaml builds recursively and would overrun its
    stack. Cheap and over-careful; ordinary rules pass."""
    if _DEEP_BLOCKS.search(text) or len(_ALIAS.findall(text)) > _ALIASES:
        return True
    depth = 0
    for bracket in _BRACKETS.finditer(text):
        depth += 1 if bracket[0] in b"[{" else -1
        if depth > _DEPTH:
            return True
    return False


def _check_events(text: bytes) -> None:
    """Walk the events, which libyaml gives without recursion, and refuse what nests or repeats too much."""
    depth = aliases = 0
    for event in yaml.parse(text.decode("utf-8-sig"), _base):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        aliases += isinstance(event, yaml.AliasEvent)
        if depth > _DEPTH or aliases > _ALIASES:
            what = f"nested more than {_DEPTH} deep" if depth > _DEPTH else f"more than {_ALIASES} aliases"
            raise yaml.MarkedYAMLError(problem=what, problem_mark=event.start_mark)  # type: ignore[arg-type]


def _weigh(text: bytes, documents: list[object]) -> None:
    """Refuse a file whose few aliases, written out, would make values without end."""
    if _ALIAS.search(text) and _written_out(documents, {}) > _VALUES:
        raise yaml.YAMLError(f"its aliases make more than {_VALUES:,} values")


def _written_out(value: object, known: dict[int, float]) -> float:
    """How many values this is where each alias is written out; infinite where one holds itself."""
    if not isinstance(value, dict | list):
        return 1
    if id(value) not in known:
        known[id(value)] = float("inf")
        below = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_written_out(each, known) for each in below)
    return known[id(value)]


def _merged(base: dict[str, object], over: dict[str, object]) -> dict[str, object]:
    result = dict(base)
    for key, value in over.items():
        below = result.get(key)
        result[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return result


def place(text: bytes, index: int, path: tuple[str | int, ...]) -> tuple[int, int]:
    """Line and column (1-based) of the deepest part of a path that exists in document `index`; (0, 0) if
    none."""
    nodes = _nodes(text)
    if not nodes:
        return 0, 0
    node = nodes[min(index, len(nodes) - 1)]
    mark = node.start_mark
    for key in path:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if getattr(k, "value", None) == str(key)), None)
            if pair is None:
                break
            mark, node = pair[0].start_mark, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            mark = node.start_mark
        else:
            break
    return mark.line + 1, mark.column + 1


@functools.lru_cache(maxsize=1)
def _nodes(text: bytes) -> list[yaml.Node]:
    """The documents of a file as nodes; the last file's are kept, for it may have many problems."""
    try:
        if _may_be_hostile(text):
            _check_events(text)
        return [node for node in yaml.compose_all(text.decode("utf-8-sig", "replace"), _base) if node]
    except (yaml.YAMLError, RecursionError):
        return []


def forget_places() -> None:
    """Let go of what `place` keeps, when all problems have theirs."""
    _nodes.cache_clear()
