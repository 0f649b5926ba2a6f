"""The manual's table of settings, made from the models' fields and the docstrings under them.

Out: Markdown. Only the tests and whoever renews the page run this; it reads the source of `model.py`.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from xdrtui.settings import model
from xdrtui.settings.model import Profile, SettingsFile
from xdrtui.settings.read import variables


def settings_table() -> str:
    """All settings: name, type, default, variable, what it does."""
    return "\n".join(_sections()) + "\n"


def _sections() -> Iterator[str]:
    documentation = _docstrings()
    names = {place: name for name, place in variables().items()}
    yield from _section("The file", SettingsFile, "", documentation, {})
    yield from _section("profiles.NAME", Profile, "", documentation, names)
    for name, field in Profile.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from _section(f"profiles.NAME.{name}", inner, name, documentation, names)


def _section(
    title: str,
    kind: type[BaseModel],
    prefix: str,
    documentation: dict[tuple[str, str], str],
    names: dict[tuple[str | int, ...], str],
) -> Iterator[str]:
    yield f"### {title}\n"
    yield f"{documentation[kind.__name__, '']}\n"
    for name, field in kind.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            continue
        variable = names.get((prefix, name) if prefix else (name,))
        default = _default(field.default)
        yield f"- `{name}` ({_type(inner)}, {default}): {documentation[kind.__name__, name]}" + (
            f" `{variable}`" if variable else ""
        )
    yield ""


def _default(value: object) -> str:
    if value in ("", None) or value == [] or value == {}:
        return "empty"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _type(annotation: object) -> str:
    text = str(annotation)
    for start, word in (
        ("typing.Literal", "one of " + ", ".join(_words(text))),
        ("list[", "list"),
        ("dict[", "names with values"),
        ("<class 'bool'>", "true or false"),
        ("<class 'int'>", "number"),
        ("<class 'str'>", "text"),
        ("typing.Optional", "where a secret lies"),
    ):
        if text.startswith(start):
            return word
    return "where a secret lies"


def _words(text: str) -> list[str]:
    return [part for part in text.split("'")[1::2]]


def _docstrings() -> dict[tuple[str, str], str]:
    """(class, field) to the docstring under the field; (class, "") to the class's own."""
    found: dict[tuple[str, str], str] = {}
    tree = ast.parse(Path(model.__file__).read_text("utf-8"))
    for node in tree.body:
        if not isinstance(node, ast.ClassDef):
            continue
        found[node.name, ""] = " ".join((ast.get_docstring(node) or "").split())
        for field, text in zip(node.body, node.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                assert isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant), field.target.id
                found[node.name, field.target.id] = " ".join(str(text.value.value).split())
    return found


if __name__ == "__main__":
    import sys

    sys.stdout.write(settings_table())
