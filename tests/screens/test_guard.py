"""Keys that nobody typed."""

from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screens.guard import SILENCE, SURE, TYPED, UNKNOWN, WINDOW, Guard, Take
from screens.keyboard import event_of
from screens.pastes import ANSWERS, Answering, MarksPastes, marked_in_tmux
from screens.taking import THOUGHT
from tests.screens.opened import app_on, settled, shown, until
from tests.screens.sample_store import sample
from xdrtui.triage.desk import Desk, Principal

RISKY = set("aicomuU:/")


class Done(NamedTuple):
    """What became of keys. taken: without a question; asked: those of which the person was asked; told: how
    many pastes were told of."""

    taken: list[str]
    asked: list[str]
    told: int


def done_with(keys: list[tuple[str, float]], *, marks: bool = False) -> Done:
    """Of keys that arrive with these gaps before them."""
    guard, now = Guard(), 0.0
    guard.marks = marks
    done = Done([], [], 0)

    def silent(at: float) -> None:
        doubtful = guard.doubtful
        (done.asked if doubtful else done.taken).extend(guard.due(at))

    for key, gap in keys:
        if gap > WINDOW:
            silent(now + WINDOW)
        now += gap
        match guard.judge(key, now, key in RISKY):
            case Take.NOW:
                done.taken.append(key)
            case Take.PASTE:
                done = done._replace(told=done.told + 1)
    silent(now + 1)
    return done


def test_typed_keys_are_all_taken_in_order() -> None:
    keys = list("jjakkcUu/a")
    assert done_with([(key, 0.05) for key in keys]) == (keys, [], 0)


def test_keys_that_a_slow_link_bunched_are_all_taken_in_order_where_pastes_are_marked() -> None:
    keys = list("jjajctjkcrTuja/ha")
    assert done_with([(key, 0.001) for key in keys], marks=True) == (keys, [], 0)


def test_where_nobody_knows_whether_pastes_are_marked_few_are_taken_and_more_are_asked_about() -> None:
    assert done_with([(key, 0.001) for key in "jka"]) == (list("jka"), [], 0)
    assert done_with([(key, 0.001) for key in "jkla"]) == (list("jkl"), ["a"], 0)


def test_where_nobody_knows_that_to_close_by_two_keys_at_once_is_asked_about() -> None:
    for word in ("ct", "cd", "act"):
        assert done_with([(key, 0.001) for key in word]) == ([], list(word), 0)


def test_a_paste_takes_nothing_that_could_change_something_and_is_told_once() -> None:
    pasted = "Subject: account am audit\rma hello\rcty" * 100
    done = done_with([("enter" if key == "\r" else key, 0.0001) for key in pasted])
    assert not RISKY & set(done.taken) and not done.asked and done.told == 1


letters = st.text("aicomuUjkl:/ q", min_size=UNKNOWN + 1, max_size=400)


@given(letters, st.floats(0, WINDOW * 0.9))
def test_no_paste_changes_anything_unasked(pasted: str, gap: float) -> None:
    done = done_with([(key, gap) for key in pasted])
    risked = [place for place, key in enumerate(done.taken) if key in RISKY]
    assert not risked or risked == [len(pasted) - 1], "nothing but one key at its end"


@given(letters, st.floats(0, WINDOW * 0.9))
def test_where_pastes_are_marked_what_nobody_could_have_typed_changes_nothing_unasked(
    pasted: str, gap: float
) -> None:
    pasted = "a" * TYPED + pasted
    done = done_with([(key, gap) for key in pasted], marks=True)
    assert not RISKY & set(done.taken)


def test_after_a_paste_and_a_silence_keys_are_taken_again() -> None:
    done = done_with([("a", 0.0)] * (SURE + 20) + [("a", SILENCE * 2)])
    assert done.taken == ["a"] and done.told == 1


def test_a_key_held_down_behind_a_slow_link_is_no_paste() -> None:
    assert done_with([("j", 0.0)] * 100) == (["j"] * 100, [], 0)
    assert done_with([("j", 0.0)] * 30 + [("a", 0.0)]) == (["j"] * 30 + ["a"], [], 0)


def test_what_an_input_took_counts_for_the_keys_right_behind_it() -> None:
    guard = Guard()
    for key in "a memo":
        guard.note(key, 0.0)
    assert guard.judge("c", 0.001, True) is Take.HOLD and guard.doubtful


def test_what_a_paste_says_of_the_terminal_does_not_count_for_itself() -> None:
    guard = Guard()
    for key in "jjj":
        guard.judge(key, 0.0, False)
    guard.marks = True
    for key in "kac":
        guard.judge(key, 0.001, True)
    assert guard.doubtful


@given(
    st.lists(st.tuples(st.sampled_from(["[A", "[B", "OC", "[15~", "[1;5D"]), st.floats(0, 1)), max_size=40)
)
def test_pieces_of_split_keys_are_dropped(arrows: list[tuple[str, float]]) -> None:
    keys = [(key, gap) for arrow, gap in arrows for key in ["escape", *arrow]]
    assert set(done_with(keys).taken) <= {"escape"}


@pytest.mark.parametrize("answer", ANSWERS)
def test_the_terminals_answer_is_heard_however_it_is_cut(answer: str) -> None:
    for cut in range(len(answer)):
        parser = Answering()
        heard = [*parser.feed("j" + answer[:cut]), *(parser.feed(answer[cut:] + "k"))] if cut else []
        assert not cut or [type(each) for each in heard].count(MarksPastes) == 1
    assert not any(isinstance(each, MarksPastes) for each in Answering().feed("\x1b[?2004;2$y\x1b[?2026;1$y"))


def test_outside_tmux_nothing_is_asked() -> None:
    assert not marked_in_tmux({})
    assert not marked_in_tmux({"TMUX": "/nowhere,1,0", "PATH": ""})


async def test_many_keys_at_once_are_asked_about_where_pastes_may_come_unmarked(tmp_path: Path) -> None:
    app = app_on(sample(tmp_path))
    app.services.link.marks_pastes = False
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        for answer, acts in (("n", 0), ("y", 2)):
            for key in "jajijk":
                app.post_message(event_of(key))
            await until(pilot, "5 keys came at once")
            with Desk.open(tmp_path, Principal("me", "here")) as desk:
                assert not list(desk.entries()), "nothing of them is done before the person answers"
            await pilot.pause(THOUGHT + 0.05)
            for key in "yct":  # more of a paste is no answer
                app.post_message(event_of(key))
            await pilot.pause(0.1)
            assert "5 keys came at once" in shown(app)[-2]
            app.post_message(event_of(answer))
            await settled(pilot)
            with Desk.open(tmp_path, Principal("me", "here")) as desk:
                assert len(list(desk.entries())) == acts


async def test_a_pasted_line_keeps_no_keys_for_what_stands_behind_its_enter(tmp_path: Path) -> None:
    app = app_on(sample(tmp_path))
    app.services.link.marks_pastes = False
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("m")
        await until(pilot, lambda: app.workbench.asking.typing)
        await pilot.pause(0.1)
        for key in ["o", "k", "enter", "c", "t"]:
            app.post_message(event_of(key))
        await until(pilot, "2 keys came at once")
        await pilot.pause(THOUGHT + 0.05)
        app.post_message(event_of("n"))
        await settled(pilot)
        with Desk.open(tmp_path, Principal("me", "here")) as desk:
            assert [entry.kind for entry in desk.entries()] == ["memo"]


async def test_a_paste_of_keys_is_dropped_with_one_line(tmp_path: Path) -> None:
    app = app_on(sample(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("c")
        await until(pilot, "Close 1 alert as")
        import textual.events as events

        for key in "ta audit trail of malice" * 10:
            app.screen.post_message(events.Key("space" if key == " " else key, key))
        await until(pilot, lambda: "a paste was dropped" in shown(app)[-2])
        await settled(pilot)
        with Desk.open(tmp_path, Principal("me", "here")) as desk:
            assert not list(desk.entries())
