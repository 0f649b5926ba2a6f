"""What is typed into a line: the order of keys, and proposals that typing replaces."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual import events
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

from screens.look import look_for
from screens.menu import Choice, Menu, Prompt
from screens.paint import line_width, plain
from screens.start import QUESTIONS, Chosen, StartApp, kafka_settings
from tests.screens.opened import shown, until


class Asks(App[None], inherit_bindings=False):
    BINDINGS = []  # noqa: RUF012
    ENABLE_COMMAND_PALETTE = False

    def __init__(self, select: bool = False) -> None:
        super().__init__()
        self.select = select

    def on_mount(self) -> None:
        self.mount(Prompt(look_for({}), "filter", "state:open", lambda typed: None, over=self.select))


@pytest.mark.asyncio
async def test_keys_that_come_in_one_burst_act_in_their_order() -> None:
    app = Asks()
    async with app.run_test() as pilot:
        await pilot.pause()
        for key in ["ctrl+u", *"abcdef", "backspace", "backspace", *"gh", "left", "X"]:
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await pilot.pause(0.1)
        assert app.query_one(Input).value == "abcdgXh"


@pytest.mark.asyncio
async def test_typing_replaces_a_proposal() -> None:
    app = Asks(select=True)
    async with app.run_test() as pilot:
        await pilot.pause(0.1)
        await pilot.press("x")
        assert app.query_one(Input).value == "x"


def test_the_way_out_of_a_menu_stands_on_the_screen_whatever_its_title() -> None:
    title = "Acknowledge 1,193 alerts of 1,117 lines, 1,098 of them out of sight?"
    menu = Menu(look_for({}), title, [Choice("y", "yes", lambda: None)])
    first = menu._lines(80)[0]
    assert plain(first).endswith("q none")
    assert line_width(first) <= 80


async def answer(pilot: Pilot[Chosen], **typed: str) -> None:
    """Begin with the questions about a cluster, and answer these one after the other."""
    await pilot.press("k")
    for name, text in typed.items():
        await until(pilot, next(question[:30] for each, question, _ in QUESTIONS if each == name).strip())
        await pilot.press(*text, "enter")


@pytest.mark.asyncio
async def test_the_questions_about_a_cluster_take_what_is_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[dict[str, object]] = []

    def attempt(kafka: dict[str, object]):
        tried.append(kafka)
        return iter(())

    (tmp_path / "ca.pem").touch()
    monkeypatch.chdir(tmp_path)
    app = StartApp(look_for({}), lambda paths, told: "", attempt, lambda password: "")
    async with app.run_test(size=(80, 24)) as pilot:
        await answer(
            pilot,
            brokers="k1:9093",
            topics="logs-*",
            tls="yes",
            ca_file="ca.pem",
            user="ada",
            sasl="plain",
            password="env:SECRET",
        )
        await until(pilot, lambda: bool(tried))
        await pilot.press("q", "k")
        await pilot.pause(0.1)
        await pilot.press(*"k2:1", "enter")
        assert app.page._answers["brokers"] == "k2:1"
    wanted = dict(brokers=["k1:9093"], topics=["logs-*"], tls=True, ca_file=str(tmp_path / "ca.pem"))
    assert tried == [wanted | dict(sasl="plain", user="ada", password="env:SECRET")]


@pytest.mark.asyncio
async def test_a_password_that_is_typed_is_kept_apart_and_neither_shown_nor_in_the_settings() -> None:
    kept: list[str] = []
    tried: list[dict[str, object]] = []

    def attempt(kafka: dict[str, object]):
        tried.append(kafka)
        return iter(())

    def keep(password: str) -> str:
        kept.append(password)
        return "file:secrets/kafka"

    app = StartApp(look_for({}), lambda paths, told: "", attempt, keep)
    async with app.run_test(size=(80, 24)) as pilot:
        await answer(pilot, brokers="k1:9093", topics="t", tls="", user="ada", sasl="")
        await until(pilot, "its password")
        await pilot.press(*"two words")
        await until(pilot, "*" * 9)
        assert not any("two words" in line for line in shown(app))
        await pilot.press("enter")
        await until(pilot, lambda: bool(tried))
    assert (kept, tried[0]["password"]) == (["two words"], "file:secrets/kafka")


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({"tls": "perhaps"}, "yes or no"),
        ({"tls": "yes", "ca_file": "nowhere.pem"}, "is no file"),
        ({"tls": "no", "user": "ada", "sasl": "s3cret"}, "must be 'none', 'plain', 'scram-sha-256'"),
    ],
)
@pytest.mark.asyncio
async def test_an_answer_that_cannot_be_one_is_refused_at_its_question(
    answers: dict[str, str], said: str
) -> None:
    app = StartApp(look_for({}), lambda paths, told: "", lambda kafka: iter(()), lambda password: "")
    async with app.run_test(size=(80, 24)) as pilot:
        await answer(pilot, brokers="k1:9093", topics="t", **answers)
        await until(pilot, said)
        assert app.page.query_one(Prompt).query_one(Input).value == [*answers.values()][-1]


def test_empty_answers_mean_what_the_question_says() -> None:
    answers = dict(
        brokers="localhost:9092", topics="a, b", tls="no", ca_file="", user="", sasl="", password=""
    )
    assert kafka_settings(answers) == {"brokers": ["localhost:9092"], "topics": ["a", "b"]}


@pytest.mark.asyncio
async def test_pasted_escape_codes_are_painted_as_signs_and_kept_as_they_are() -> None:
    app = Asks()
    async with app.run_test(size=(60, 10)) as pilot:
        await pilot.pause()
        app.post_message(events.Paste(" \x1b]0;owned\x07\u202e\u200b"))
        await pilot.pause(0.1)
        field = app.query_one(Input)
        assert field.value == "state:open \x1b]0;owned\x07\u202e\u200b"
        painted = "".join(segment.text for segment in field.render_line(0))
        assert painted.rstrip() == "state:open \u241b]0;owned\u2407??"
