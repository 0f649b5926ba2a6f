"""What data becomes before it may stand in a cell grid."""

import unicodedata

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from screens.look import to_ascii
from screens.sanitise import (
    cut,
    cut_around,
    cut_before,
    fit,
    one_by_one,
    sanitise,
    sanitise_spans,
    width,
    wrap,
)

HOSTILE = "\x1b]0;owned\x07\x1b[2J [red]x[/red]"

# any code point, surrogates too, with what is dangerous or of disputed width made frequent
nasty = st.sampled_from(
    [*"\x00\x07\x08\x1b\x7f\x85\x9b\n\t\r", "\u202e", "\u2066", "\u200b", "\u200d", "\ufeff",
     "\u00ad", "\ufe0f", "\ud800", "\udfff", "\U000e0041", "\u0301", "\u0489", "\u3164", "\u2800",
     "😀", "👩", "日", "ｶ", "️", "é", "ก"]
)  # fmt: skip
texts = st.lists(
    st.one_of(st.characters(codec=None), nasty, st.characters(max_codepoint=127)), max_size=40
).map("".join)


@settings(max_examples=400, deadline=None)
@given(texts)
def test_result_is_printable_and_encodable(text: str) -> None:
    clean = sanitise(text)
    clean.encode("utf-8")
    for character in clean:
        assert character == " " or unicodedata.category(character)[0] not in "CZ", repr(character)


@settings(max_examples=400, deadline=None)
@given(texts)
def test_sanitising_twice_changes_nothing(text: str) -> None:
    assert sanitise(sanitise(text)) == sanitise(text)


@settings(max_examples=400, deadline=None)
@given(texts)
def test_width_is_what_textual_measures(text: str) -> None:
    clean = sanitise(text)
    assert width(clean) == cell_len(clean)


@settings(max_examples=300, deadline=None)
@given(texts, st.integers(0, 50))
def test_cut_and_fit_keep_to_their_cells(text: str, cells: int) -> None:
    clean = sanitise(text)
    assert width(cut(clean, cells)) <= cells
    assert width(fit(clean, cells)) == cells == width(fit(clean, cells, right=True))
    assert len(to_ascii(cut(clean, cells), width(cut(clean, cells)))) == width(cut(clean, cells))


@settings(max_examples=300, deadline=None)
@given(texts, st.integers(1, 40), st.data())
def test_cutting_around_a_span_stays_in_the_room_and_shows_the_span(
    text: str, cells: int, data: st.DataObject
) -> None:
    clean = sanitise(text)
    start = data.draw(st.integers(0, len(clean)))
    end = data.draw(st.integers(start, len(clean)))
    view, first, last = cut_around(clean, cells, start, end)
    assert width(view) <= cells
    assert 0 <= first <= last <= len(view)
    if clean.isascii() and start < end and end - start <= cells - 2:
        assert view[first:last] == clean[start:end]


@settings(max_examples=200, deadline=None)
@given(texts, st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=4))
def test_spans_move_with_the_text(text: str, spans: list[tuple[int, int]]) -> None:
    clean, moved = sanitise_spans(text, spans)
    assert sanitise(clean) == clean
    for start, end in moved:
        assert 0 <= start < end <= len(clean)


@settings(max_examples=200, deadline=None)
@given(texts, st.integers(4, 40))
def test_wrapped_lines_fit_and_lose_nothing_but_blanks(text: str, cells: int) -> None:
    clean = sanitise(text)
    lines = wrap(clean, cells)
    assert all(width(line) <= cells for line in lines)
    assert "".join(lines).replace(" ", "") == clean.replace(" ", "")


def test_escape_sequences_and_markup_are_shown_as_they_are() -> None:
    assert sanitise(HOSTILE) == "␛]0;owned␇␛[2J [red]x[/red]"


def test_bidi_invisible_tag_and_surrogate_characters_are_named() -> None:
    assert sanitise("a\u202eb\u200bc\ud800\U000e0041\x9b") == "a<U+202E>b<U+200B>c<U+D800><U+E0041><U+009B>"


def test_newlines_and_tabs_are_symbols() -> None:
    assert sanitise("a\nb\tc\r") == "a␊b␉c␍"


def test_emoji_are_named_and_letters_of_any_script_are_kept() -> None:
    assert sanitise("ok 😀 日本 Пример") == "ok <U+1F600> 日本 Пример"


def test_a_flood_of_combining_marks_is_counted_not_drawn() -> None:
    assert sanitise("e" + "\u0301" * 5_000) == "e\u0301\u0301<+4998>"


def test_a_mark_without_a_base_is_named() -> None:
    assert sanitise("\u0301x") == "<U+0301>x"


def test_limit_bounds_the_work_on_gigantic_values() -> None:
    assert len(sanitise("\x1b" * 10_000_000, 100)) == 100


def test_letters_of_another_script_among_latin_ones_are_spelled() -> None:
    assert sanitise("\u0430dmin") == "<U+0430>dmin" and sanitise("p\u03bfwershell") == "p<U+03BF>wershell"
    assert sanitise("администратор admin") == "администратор admin"
    assert sanitise("Müller") == "Müller" and sanitise("東京tower") == "東京tower"


@settings(max_examples=200, deadline=None)
@given(texts, st.integers(0, 30))
def test_the_end_of_a_text_is_kept_where_it_tells(text: str, cells: int) -> None:
    clean = sanitise(text)
    end = cut_before(clean, cells)
    assert width(end) <= cells
    assert end == clean if width(clean) <= cells else clean.endswith(end[1:])


def test_the_number_of_an_event_is_not_what_is_cut() -> None:
    assert cut_before("windows.security.4688", 16) == "…s.security.4688"


@settings(max_examples=400, deadline=None)
@given(texts)
def test_a_line_being_typed_keeps_its_places_and_shows_nothing_foreign(text: str) -> None:
    shown = one_by_one(text)
    assert len(shown) == len(text)
    shown.encode("utf-8")
    assert all(each == " " or unicodedata.category(each)[0] not in "CZ" for each in shown)
    assert width(shown) == cell_len(shown)


def test_what_is_typed_in_any_language_is_shown_as_it_is() -> None:
    assert one_by_one("caf\u0065\u0301 日本 Ж") == "caf\u0065\u0301 日本 Ж"
    assert one_by_one("a\x1b[2J\u202eb\u0301\u0301") == "a\u241b[2J?b\u0301?"
