"""Layouts: what each kind of source looks like, as data.

In: the YAML files of this folder (see the manual's page on layouts). Out: `Layouts`, checked: shapes by which
an event is recognised, kinds that give its event type and log sources, and where each field stands. Nothing
here looks at an event; `route.py` and `project.py` do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path as FilePath
from typing import Any

import msgspec
import yaml

from detectors.contract import EventType, LogSource
from xdrtui.errors import RuleError
from xdrtui.events.transforms import TRANSFORMS, Transform, compile_transform
from xdrtui.events.values import Path

CORE = ("host.name", "user.name", "source.ip", "destination.ip")
"""Fields that every event type has, where its layout knows them: for grouping, entities and screens."""

UNROUTED = EventType("unrouted", "unrouted", frozenset())


class FieldRule(msgspec.Struct, frozen=True):
    """Where a field stands: the first of the paths that is present; or several joined to one text; then
    passed through a transform."""

    paths: tuple[Path, ...]
    join: str | None = None
    transform: Transform | None = None

    @property
    def is_plain(self) -> bool:
        """Whether the field is just what stands at one path."""
        return len(self.paths) == 1 and self.join is None and self.transform is None


class Predicate(msgspec.Struct, frozen=True):
    """One of the paths is there (values empty) or is one of some values (compared without regard to case);
    or, with `wanted` false, none is there."""

    paths: tuple[Path, ...]
    values: frozenset[str] = frozenset()
    wanted: bool = True


class Kind(msgspec.Struct, frozen=True):
    """Events of a shape whose keys have these values. All kinds that apply give their log sources; the first
    that has a name gives it; fields and summary of the first that has them go before the shape's."""

    when: tuple[tuple[str, frozenset[str]], ...]
    name: str
    log_sources: frozenset[LogSource]
    fields: Mapping[str, FieldRule]
    summary: str

    def applies(self, keys: Mapping[str, str]) -> bool:
        return all(keys.get(key, "").casefold() in values for key, values in self.when)


class Shape(msgspec.Struct, frozen=True):
    """One way in which a layout's events are written.

    codec: empty for JSON, else the text codec that reads its lines; keys: names of the values that decide the
    kind, with where they stand (constants: what they are in this shape); templates: where a field stands that
    has no rule of its own, `{field}` for its name; envelope: paths whose value is the event, or a list of
    events, that this one only carries; pairs: paths that may hold a list of names with values, which then
    stand beside the list; literal: names with dots are mostly written as flat keys (Zeek's `id.orig_h`).
    """

    layout: str
    name: str
    codec: str
    when: tuple[Predicate, ...]
    keys: Mapping[str, tuple[Path, ...]]
    constants: Mapping[str, str]
    templates: tuple[str, ...]
    fields: Mapping[str, FieldRule]
    time: tuple[Path, ...]
    envelope: tuple[Path, ...]
    pairs: tuple[Path, ...]
    literal: bool

    def rule(self, field: str, kind_fields: Mapping[str, FieldRule]) -> FieldRule:
        """Where a field stands in this shape. A kind's rule names fields, each looked up in the shape."""
        of_kind = kind_fields.get(field)
        if of_kind is not None:
            paths = [path for (name,) in of_kind.paths for path in self.rule(name, {}).paths]
            return FieldRule(tuple(dict.fromkeys(paths)), of_kind.join, of_kind.transform)
        found = self.fields.get(field)
        if found is not None:
            return found
        return FieldRule(tuple(self.path(template.replace("{field}", field)) for template in self.templates))

    def path(self, name: str) -> Path:
        return tuple(name.split("."))


class Layout(msgspec.Struct, frozen=True):
    """A file: shapes in the order they are tried, kinds in the order they apply. constants: field -> the key
    whose value it is, so that all events of a type have the same."""

    name: str
    order: int
    shapes: tuple[Shape, ...]
    kinds: tuple[Kind, ...]
    summary: str
    constants: Mapping[str, str]

    def kind(self, shape: Shape, keys: Mapping[str, str]) -> Resolved:
        """The event type of an event with these key values."""
        keys = {"shape": shape.name, **shape.constants, **keys}
        applying = [kind for kind in self.kinds if kind.applies(keys)]
        name = next((kind.name for kind in applying if kind.name), "other" if self.kinds else "")
        name = re.sub(r"\{(\w+)\}", lambda found: slug(keys.get(found[1], "")), name)
        fields: dict[str, FieldRule] = {}
        for kind in reversed(applying):
            fields.update(kind.fields)
        sources = frozenset(_filled(source, keys) for kind in applying for source in kind.log_sources)
        summary = next((kind.summary for kind in applying if kind.summary), self.summary)
        constants = tuple((field, keys[key]) for field, key in self.constants.items() if keys.get(key))
        whole_name = f"{self.name}.{name}" if name else self.name
        return Resolved(EventType(whole_name, self.name, sources, constants), fields, summary)


class Resolved(msgspec.Struct, frozen=True):
    """An event type with what its kinds say about fields, and the template of its summary."""

    event_type: EventType
    fields: Mapping[str, FieldRule]
    summary: str

    def joined(self, others: Iterable[Resolved]) -> Resolved:
        """This kind for events that are of the others too: all their log sources, and no constants."""
        sources, fields = self.event_type.log_sources, dict(self.fields)
        for other in others:
            sources |= other.event_type.log_sources
            fields = {**other.fields, **fields}
        plain = msgspec.structs.replace(self.event_type, log_sources=sources, constants=())
        return msgspec.structs.replace(self, event_type=plain, fields=fields)


class Layouts(msgspec.Struct, frozen=True):
    """All layouts, in the order they are tried."""

    layouts: tuple[Layout, ...]

    def named(self, name: str) -> Layout | None:
        return next((layout for layout in self.layouts if layout.name == name), None)

    def names(self) -> list[str]:
        return [layout.name for layout in self.layouts]

    def event_types(self) -> list[EventType]:
        """The event types that the layouts name; those with open keys (any Windows channel) come as met."""
        found: dict[str, EventType] = {}
        for layout in self.layouts:
            shape = layout.shapes[0]
            for kind in layout.kinds:
                names = [key for key, _ in kind.when]
                choices: list[dict[str, str]] = [{}]
                for key, values in kind.when:
                    choices = [{**one, key: value} for one in choices for value in sorted(values)]
                open_keys = set(re.findall(r"\{(\w+)\}", kind.name)) - set(names)
                for keys in choices if not open_keys else []:
                    event_type = layout.kind(shape, keys).event_type
                    if event_type.name.rpartition(".")[2] != "other":
                        found.setdefault(event_type.name, event_type)
        return [*found.values(), UNROUTED]


def slug(text: str) -> str:
    """A text as part of a name: small letters, digits and single dashes."""
    text = re.sub(r"\A-(?=\d)", "minus-", text)
    return re.sub(r"[^a-z0-9_]+", "-", text.casefold()).strip("-")[:80] or "none"


def _filled(source: LogSource, keys: Mapping[str, str]) -> LogSource:
    if "{" not in source.service:
        return source
    service = re.sub(r"\{(\w+)\}", lambda found: slug(keys.get(found[1], "")), source.service)
    return LogSource(source.product, source.category, service)


def _constant(value: Any) -> bool:
    return isinstance(value, Mapping)


def log_source(text: str) -> LogSource:
    """`product/category/service`, parts may be empty or left out at the end."""
    parts = [*text.split("/"), "", ""]
    return LogSource(parts[0], parts[1], parts[2])


@cache
def bundled_layouts() -> Layouts:
    """The layouts that come with xdrtui."""
    return load_layouts()


def load_layouts(*folders: FilePath) -> Layouts:
    """Read the layouts beside this file, then those of further folders (same name: the later one counts).

    Raises RuleError with file and place where one is wrong.
    """
    found: dict[str, Layout] = {}
    for folder in (FilePath(__file__).parent, *folders):
        for file in sorted(folder.glob("*.yml")):
            layout = read_layout(file)
            found[layout.name] = layout
    return Layouts(tuple(sorted(found.values(), key=lambda layout: (layout.order, layout.name))))


def read_layout(file: FilePath) -> Layout:
    """Read one layout file. Raises RuleError."""
    try:
        data = yaml.load(file.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506
        return _layout(data)
    except yaml.YAMLError as error:
        raise RuleError(f"{file}: not YAML: {error}") from error
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RuleError(f"{file}: {error}; see the manual's page on layouts") from error


_LAYOUT = {"layout", "order", "shapes", "kinds", "summary", "constants"}
_SHAPE = {"codec", "when", "keys", "paths", "fields", "time", "envelope", "pairs", "literal"}
_KIND = {"when", "name", "log_sources", "fields", "summary"}


def _layout(data: Any) -> Layout:
    _known(data, _LAYOUT, "the file")
    name = str(data["layout"])
    shapes = tuple(_shape(name, key, value) for key, value in data["shapes"].items())
    kinds = tuple(_kind(index, value) for index, value in enumerate(data.get("kinds") or []))
    constants = {str(field): str(key) for field, key in (data.get("constants") or {}).items()}
    return Layout(name, int(data.get("order", 50)), shapes, kinds, str(data.get("summary", "")), constants)


def _shape(layout: str, name: str, data: Mapping[str, Any]) -> Shape:
    _known(data, _SHAPE, f"shape {name}")

    def path(text: str) -> Path:
        return tuple(text.split("."))

    keys = data.get("keys") or {}
    return Shape(
        layout=layout,
        name=name,
        codec=str(data.get("codec", "")),
        when=tuple(_predicate(item, path) for item in data.get("when") or []),
        keys={key: tuple(map(path, _list(value))) for key, value in keys.items() if not _constant(value)},
        constants={key: str(value["is"]) for key, value in keys.items() if _constant(value)},
        templates=tuple(data.get("paths") or ["{field}"]),
        fields=_fields(data.get("fields"), path),
        time=tuple(map(path, _list(data.get("time")))),
        envelope=tuple(map(path, _list(data.get("envelope")))),
        pairs=tuple(map(path, _list(data.get("pairs")))),
        literal=bool(data.get("literal", False)),
    )


def _kind(index: int, data: Mapping[str, Any]) -> Kind:
    _known(data, _KIND, f"kind {index}")
    when = tuple(
        (key, frozenset(str(value).casefold() for value in _list(values)))
        for key, values in (data.get("when") or {}).items()
    )
    sources = frozenset(map(log_source, _list(data.get("log_sources"))))
    fields = _fields(data.get("fields"), lambda name: (name,))
    return Kind(when, str(data.get("name", "")), sources, fields, str(data.get("summary", "")))


def _fields(data: Mapping[str, Any] | None, path: Any) -> dict[str, FieldRule]:
    found: dict[str, FieldRule] = {}
    for name, value in (data or {}).items():
        if isinstance(value, Mapping):
            _known(value, {"from", "join", "transform"}, f"field {name}")
            transform = value.get("transform")
            if transform is not None and _list(transform)[0] not in TRANSFORMS:
                raise ValueError(f"field {name}: unknown transform {_list(transform)[0]!r}")
            found[name] = FieldRule(
                tuple(map(path, _list(value["from"]))),
                value.get("join"),
                None if transform is None else compile_transform(_list(transform)),
            )
        else:
            found[name] = FieldRule(tuple(map(path, _list(value))))
    return found


def _predicate(data: Mapping[str, Any], path: Any) -> Predicate:
    _known(data, {"has", "lacks", "field", "is"}, "when")
    if "lacks" in data:
        return Predicate(tuple(map(path, _list(data["lacks"]))), wanted=False)
    if "has" in data:
        return Predicate(tuple(map(path, _list(data["has"]))))
    return Predicate(
        tuple(map(path, _list(data["field"]))),
        frozenset(str(value).casefold() for value in _list(data["is"])),
    )


def _list(value: Any) -> list[Any]:
    return [] if value is None else list(value) if isinstance(value, list | tuple) else [value]


def _known(data: Any, allowed: Iterable[str], where: str) -> None:
    if not isinstance(data, Mapping):
        raise TypeError(f"{where}: a mapping is wanted")
    wrong = sorted(set(map(str, data)) - set(allowed))
    if wrong:
        raise ValueError(f"{where}: unknown key {wrong[0]!r}, known are {', '.join(sorted(allowed))}")
