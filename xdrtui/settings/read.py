"""The settings file and the environment, read and held to the model.

In: a path, the environment. Out: a `SettingsFile` and, over it, the values of XDRTUI_* variables; or
SettingsError: one sentence with the file, line and column, and the nearest right name.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NoReturn, Protocol, TypeAlias

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from xdrtui.errors import SettingsError
from xdrtui.plain import visible
from xdrtui.settings.model import KafkaSettings, Profile, SettingsFile

Data: TypeAlias = "dict[str, Data] | list[Data] | str | int | float | bool | None"
Path_: TypeAlias = "tuple[str | int, ...]"
Marks: TypeAlias = "dict[Path_, tuple[int, int]]"
"""Line and column (1-based) of each key or list item, by its path."""

PREFIX = "XDRTUI_"
APART = frozenset({"XDRTUI_SETTINGS", "XDRTUI_PROFILE", "XDRTUI_DEMO_DIR"})
"""Variables that are no field of a profile: the settings file itself, which profile, the demo's folder."""

_LARGEST = 1_000_000
_DEEPEST = 50


class _HasPlace(Protocol):
    """yaml's marks, of which its C and Python parsers have one each."""

    @property
    def line(self) -> int: ...

    @property
    def column(self) -> int: ...


def read_file(path: Path) -> SettingsFile:
    """Read and check a settings file; SettingsError where it cannot be used."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        raise SettingsError(f"{_shown(path)} cannot be read: {error.strerror}.") from None
    except UnicodeDecodeError as error:
        raise SettingsError(
            f"{_shown(path)} is not UTF-8 text (byte {error.start}): write it as such."
        ) from None
    if len(content) > _LARGEST:
        raise SettingsError(f"{_shown(path)} is larger than 1 MB: that is no settings file.")
    marks: Marks = {}
    data = _plain(path, text, marks)
    return _validated(data, path, marks)


def read_environment(profile: Profile, environ: Mapping[str, str]) -> Profile:
    """Return `profile` with the XDRTUI_* variables of `environ` over it; lists are separated by commas."""
    fields = dict(_leaves(Profile, ()))
    over: dict[Path_, str] = {}
    secrets = {text.removeprefix("env:") for text in _texts(profile.model_dump()) if text.startswith("env:")}
    for name, value in sorted(environ.items()):
        if not name.startswith(PREFIX) or name in APART or name in secrets:
            continue
        if name not in fields:
            raise SettingsError(
                f"the environment variable {visible(name)} is no setting{_nearest(name, fields)}."
            )
        over[fields[name]] = value
    if not over:
        return profile
    data = profile.model_dump()
    for place, value in over.items():
        part = data
        for key in place[:-1]:
            part = part[str(key)]
        part[str(place[-1])] = _from_text(value, place)
    try:
        return Profile.model_validate(data)
    except ValidationError as problem:
        error = problem.errors(include_url=False, include_input=False)[0]
        name = next(
            (name for name, place in fields.items() if place == error["loc"][: len(place)]), PREFIX + "..."
        )
        raise SettingsError(f"the environment variable {name}: {_what(error)}.") from None


def refusal(kafka: Mapping[str, object]) -> str:
    """Why these settings of a cluster cannot be taken, in one line and without the value; "": they can."""
    try:
        KafkaSettings.model_validate(kafka)
    except ValidationError as problem:
        error = problem.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(map(str, error['loc']))}: {_what(error)}"
    return ""


def place_in(path: Path, place: Path_) -> str:
    """Where a setting stands, for an error that is found later than here: "FILE, line 3, column 5"; the
    nearest thing around it where it is not written there."""
    marks: Marks = {}
    with path.open("rb") as file:
        _plain(path, file.read(_LARGEST).decode("utf-8-sig", "replace"), marks)
    line, column = _mark(place, marks)
    return f"{_shown(path)}, line {line}, column {column}"


def variables() -> dict[str, Path_]:
    """Every environment variable that is a setting, and the field it sets."""
    return dict(_leaves(Profile, ()))


def _plain(path: Path, text: str, marks: Marks) -> Data:
    """YAML as plain data, with the place of every key; aliases and repeated keys are refused."""
    loader = yaml.SafeLoader(text)
    depth = 0
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
            if depth > _DEEPEST:  # the parser's time grows with the square of it
                _wrong(path, event.start_mark, "nested too deeply: that is no settings file")
            if isinstance(event, yaml.AliasEvent):
                _wrong(path, event.start_mark, "an alias (*name) is not understood here: write the value out")
        node = loader.get_single_node()
        return {} if node is None else _build(path, loader, node, (), marks)
    except yaml.MarkedYAMLError as error:
        what = visible(", ".join(part for part in (error.context, error.problem) if part))
        _wrong(path, error.problem_mark or error.context_mark, f"not YAML: {what}")
    except yaml.YAMLError as error:
        raise SettingsError(f"{_shown(path)} is not YAML: {visible(str(error))}.") from None
    finally:
        loader.dispose()


def _build(path: Path, loader: yaml.SafeLoader, node: yaml.Node, place: Path_, marks: Marks) -> Data:
    marks.setdefault(place, (node.start_mark.line + 1, node.start_mark.column + 1))
    if isinstance(node, yaml.MappingNode):
        built: dict[str, Data] = {}
        for key_node, value_node in node.value:
            key = str(key_node.value) if isinstance(key_node, yaml.ScalarNode) else ""
            if not key:
                _wrong(path, key_node.start_mark, "a key must be a name")
            if key in built:
                _wrong(path, key_node.start_mark, f"{visible(key)} is set twice: keep one")
            marks[(*place, key)] = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            built[key] = _build(path, loader, value_node, (*place, key), marks)
        return built
    if isinstance(node, yaml.SequenceNode):
        return [_build(path, loader, part, (*place, i), marks) for i, part in enumerate(node.value)]
    value = loader.construct_object(node)
    return value if isinstance(value, (str, int, float, bool)) or value is None else str(node.value)


def _validated(data: Data, path: Path, marks: Marks) -> SettingsFile:
    if isinstance(data, dict) and isinstance(profiles := data.get("profiles"), dict):
        # a profile or a feature written without anything under it is all defaults
        for name, profile in profiles.items():
            profiles[name] = {} if profile is None else profile
            if isinstance(profile, dict):
                for feature in ("kafka", "rules", "archive", "logs", "screens"):
                    if feature in profile and profile[feature] is None:
                        profile[feature] = {}
    try:
        return SettingsFile.model_validate(data)
    except ValidationError as problem:
        # the first in the file, whatever order the model has
        errors = problem.errors(include_url=False, include_input=False)
        errors.sort(key=lambda error: _mark(error["loc"], marks))
        error = errors[0]
        line, column = _mark(error["loc"], marks)
        if error["type"] == "extra_forbidden":
            key = str(error["loc"][-1])
            known = _names_at(error["loc"][:-1])
            what = f"unknown setting {visible(key)}{_nearest(key, known)}"
        else:
            name = ".".join(map(str, error["loc"])) or "the file"
            what = f"{visible(name)}: {_what(error)}"
        raise SettingsError(f"{_shown(path)}, line {line}, column {column}: {what}.") from None


def _mark(place: Path_, marks: Marks) -> tuple[int, int]:
    """The line and column of a place, or of the nearest thing around it."""
    while place and place not in marks:
        place = place[:-1]
    return marks.get(place, (1, 1))


def _what(error: ErrorDetails) -> str:
    """pydantic's complaint in our words; never with the value, which may be a secret written by mistake."""
    kinds = {
        "list_type": "must be a list",
        "string_type": "must be text (put it in quotes)",
        "bool_type": "must be true or false",
        "int_type": "must be a whole number",
        "dict_type": "must be names with values under it",
        "model_type": "must be names with values under it",
    }
    if error["type"] in kinds:
        return kinds[error["type"]]
    if error["type"] == "literal_error":
        return f"must be {error['ctx']['expected']}"
    return str(error["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")


def _names_at(place: Path_) -> list[str]:
    """The names of the settings that are known at a place."""
    if not place:
        return list(SettingsFile.model_fields)
    model: type[BaseModel] = Profile
    for key in place[2:]:
        inner = model.model_fields[str(key)].annotation
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)


def _leaves(model: type[BaseModel], place: Path_) -> Iterator[tuple[str, Path_]]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _leaves(inner, (*place, name))
        elif not str(inner).startswith("dict"):
            yield PREFIX + "_".join(map(str, (*place, name))).upper(), (*place, name)


def _from_text(value: str, place: Path_) -> Data:
    """The text of a variable as the type that its field has; what does not fit is left to the model."""
    model: type[BaseModel] = Profile
    for key in place[:-1]:
        inner = model.model_fields[str(key)].annotation
        assert isinstance(inner, type) and issubclass(inner, BaseModel)
        model = inner
    kind = model.model_fields[str(place[-1])].annotation
    if str(kind).startswith("list"):
        return [part.strip() for part in value.split(",") if part.strip()]
    if kind is bool:
        return {"true": True, "1": True, "false": False, "0": False}.get(value.lower(), value)
    if kind is int:
        return int(value) if value.isascii() and value.isdigit() else value
    return value


def _texts(data: object) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for value in data.values():
            yield from _texts(value)


def _nearest(name: str, known: Mapping[str, object] | list[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    if close:
        return f": the nearest is {close[0]}"
    return ": known here are " + ", ".join(known) if known else ""


def _wrong(path: Path, mark: _HasPlace | None, what: str) -> NoReturn:
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    raise SettingsError(f"{_shown(path)}, line {line}, column {column}: {what}.") from None


def _shown(path: Path) -> str:
    return visible(str(path))
