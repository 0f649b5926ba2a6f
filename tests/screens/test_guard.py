"""Keys that nobody typed."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from screens.guard import BURST, SILENCE, WINDOW, Guard, Take
from tests.screens.opened import app_on, settled, shown
from tests.screens.sample_store import sample
from xdrtui.triage.desk import Desk, Principal

RISKY = set("aicomuU:/")


def taken(keys: list[tuple[str, float]]) -> tuple[list[str], int]:
    """What is taken of keys that arrive with these gaps before them, and how many pastes were told of."""
    guard, now, done, told = Guard(), 0.0, [], 0
    for key, gap in keys:
        if gap > WINDOW:
            done += guard.due(now + WINDOW)
        now += gap
        match guard.judge(key, now, key in RISKY):
            case Take.NOW:
                done.append(key)
            case Take.PASTE:
                told += 1
    return done + guard.due(now + 1), told


def test_typed_keys_are_all_taken_in_order() -> None:
    keys = list("jjakkcUu/a")
    assert taken([(key, 0.05) for key in keys]) == (keys, 0)


def test_a_paste_takes_nothing_that_could_change_something_and_is_told_once() -> None:
    pasted = "Subject: account am audit\rma hello\rcty" * 100
    done, told = taken([("enter" if key == "\r" else key, 0.0001) for key in pasted])
    assert not RISKY & set(done) and told == 1


@given(st.text("aicomuUjkl:/ q", min_size=BURST + 1, max_size=400), st.floats(0, WINDOW / (BURST + 2)))
def test_no_paste_changes_anything(pasted: str, gap: float) -> None:
    done, _ = taken([(key, gap) for key in pasted])
    assert not RISKY & set(done)


def test_after_a_paste_and_a_silence_keys_are_taken_again() -> None:
    done, told = taken([("a", 0.0)] * 20 + [("a", SILENCE * 2)])
    assert done == ["a"] and told == 1


def test_a_key_held_down_behind_a_slow_link_is_no_paste() -> None:
    assert taken([("j", 0.0)] * 100) == (["j"] * 100, 0)


@given(
    st.lists(st.tuples(st.sampled_from(["[A", "[B", "OC", "[15~", "[1;5D"]), st.floats(0, 1)), max_size=40)
)
def test_pieces_of_split_keys_are_dropped(arrows: list[tuple[str, float]]) -> None:
    keys = [(key, gap) for arrow, gap in arrows for key in ["escape", *arrow]]
    done, _ = taken(keys)
    assert set(done) <= {"escape"}


async def test_a_paste_of_keys_is_dropped_with_one_line(tmp_path: Path) -> None:
    app = app_on(sample(tmp_path))
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot, rows=7)
        await pilot.press("c")
        await pilot.pause(0.1)
        assert "Close 1 alert as" in "\n".join(shown(app))
        import textual.events as events

        for key in "ta audit trail of malice" * 10:
            app.screen.post_message(events.Key("space" if key == " " else key, key))
        await settled(pilot)
        assert "a paste was dropped" in shown(app)[-2]
        with Desk.open(tmp_path, Principal("me", "here")) as desk:
            assert not list(desk.entries())
