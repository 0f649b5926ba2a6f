"""The manual is complete and true: settings, commands and links are those of the program."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.command_blocks import pages
from xdrtui.commands import make_group
from xdrtui.commands.documentation import commands_page
from xdrtui.commands.help import MANUAL, topics
from xdrtui.settings.documentation import settings_table
from xdrtui.settings.read import read_file, variables


def test_the_page_of_settings_is_made_from_the_fields() -> None:
    page = (MANUAL / "settings.md").read_text()
    assert page.endswith(
        "<!-- from here on made by: python -m xdrtui.settings.documentation -->\n\n" + settings_table()
    )


def test_every_variable_is_documented() -> None:
    page = (MANUAL / "settings.md").read_text()
    assert [name for name in variables() if f"`{name}`" not in page] == []


def test_the_page_of_commands_is_what_they_say_of_themselves() -> None:
    """Renew it by: python -m xdrtui.commands.documentation > xdrtui/manual/commands.md"""
    assert (MANUAL / "commands.md").read_text() == commands_page()


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_no_link_leads_nowhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8"))
    missing = [each for each in targets if "://" not in each and not (page.parent / each).exists()]
    assert missing == []


def test_every_page_has_a_title_and_is_a_topic() -> None:
    known = topics()
    assert set(known) == {path.stem for path in MANUAL.glob("*.md")}
    assert all(known.values())
    assert next(iter(known)) == "index"


def test_the_index_leads_to_every_page() -> None:
    index = (MANUAL / "index.md").read_text()
    assert [name for name in topics() if name != "index" and f"({name}.md)" not in index] == []


def test_help_lists_topics_and_shows_one() -> None:
    listed = CliRunner().invoke(make_group(), ["help"])
    assert all(name in listed.stdout for name in topics())
    shown = CliRunner().invoke(make_group(), ["help", "kafka"])
    assert shown.stdout == (MANUAL / "kafka.md").read_text()


def test_help_on_an_unknown_topic_names_the_nearest() -> None:
    result = CliRunner().invoke(make_group(), ["help", "setings"])
    assert result.exit_code == 2
    assert "the nearest is settings" in result.stderr


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_settings_that_a_page_shows_are_accepted(page: Path, tmp_path: Path) -> None:
    for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```$", page.read_text(), re.M | re.S)):
        if block.startswith("profile"):
            file = tmp_path / f"{number}.yml"
            file.write_text(block)
            read_file(file)
