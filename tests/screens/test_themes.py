"""Every theme can be read: contrast, also without green cones; severities differ in brightness and word."""

from __future__ import annotations

import itertools

import pytest
from rich.color import Color, ColorSystem
from rich.terminal_theme import TerminalTheme

from screens.look import SEVERITIES, SEVERITY_WORDS, STATE_WORDS, Look, look_for, theme_for
from screens.themes import CHOICES, THEMES

LEAST = 4.5
OVER = ("", "cursor", "cursor away", "bar", "head")

# The first two palettes of 16 colours that terminals begin with: xterm's, and the VGA text mode's.
XTERM = TerminalTheme(
    (0, 0, 0),
    (229, 229, 229),
    [(0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205),
     (229, 229, 229)],
    [(127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255),
     (255, 255, 255)],
)  # fmt: skip
VGA = TerminalTheme(
    (0, 0, 0),
    (170, 170, 170),
    [(0, 0, 0), (170, 0, 0), (0, 170, 0), (170, 85, 0), (0, 0, 170), (170, 0, 170), (0, 170, 170),
     (170, 170, 170)],
    [(85, 85, 85), (255, 85, 85), (85, 255, 85), (255, 255, 85), (85, 85, 255), (255, 85, 255),
     (85, 255, 255), (255, 255, 255)],
)  # fmt: skip

Rgb = tuple[float, float, float]


def linear(color: Color, palette: TerminalTheme) -> Rgb:
    """0 to 1, linear light."""
    red, green, blue = (
        value / 255 for value in color.get_truecolor(palette if color.is_system_defined else None)
    )
    return tuple(v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in (red, green, blue))


def seen(color: Rgb) -> Rgb:
    """As it is seen."""
    return color


def deuteranopia(color: Rgb) -> Rgb:
    """As it is seen without green cones (Machado, Oliveira and Fernandes 2009, severity 1.0)."""
    rows = ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.01182, 0.04294, 0.968881))
    return tuple(min(1.0, max(0.0, sum(w * v for w, v in zip(row, color, strict=True)))) for row in rows)


def monochrome(color: Rgb) -> Rgb:
    """As a screen without colours shows it."""
    return (luminance(color),) * 3


def luminance(color: Rgb) -> float:
    return sum(w * v for w, v in zip((0.2126, 0.7152, 0.0722), color, strict=True))


def contrast(one: Rgb, other: Rgb) -> float:
    """WCAG 2.2, section 1.4.3."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def colours(look: Look, name: str, over: str, system: ColorSystem | None = None) -> tuple[Color, Color]:
    style = look.style(name, over)
    pair = (style.color, style.bgcolor)
    front, back = reversed(pair) if style.reverse else pair
    if system is not None:
        front, back = front.downgrade(system), back.downgrade(system)
    return front, back


@pytest.mark.parametrize("eye", [seen, deuteranopia, monochrome])
@pytest.mark.parametrize("theme", [name for name in THEMES if name != "mono"])
def test_all_that_is_painted_can_be_read(theme: str, eye) -> None:
    look = Look(theme)
    sixteen = theme.startswith("sixteen")
    for name, over in [*itertools.product(THEMES[theme], OVER), ("", "alarm"), ("alarm", "alarm")]:
        for palette in (XTERM, VGA) if sixteen else (XTERM,):
            for system in (None,) if sixteen else (None, ColorSystem.EIGHT_BIT):
                front, back = colours(look, name, over, system)
                least = 4.0 if sixteen and palette is VGA else LEAST
                found = contrast(eye(linear(front, palette)), eye(linear(back, palette)))
                assert found >= least, f"{name!r} over {over!r}: {found:.2f} ({front.name} on {back.name})"


@pytest.mark.parametrize("eye", [seen, deuteranopia, monochrome])
@pytest.mark.parametrize("theme", CHOICES)
def test_severities_fall_in_brightness(theme: str, eye) -> None:
    look = Look(theme)
    page = eye(linear(colours(look, "", "")[1], XTERM))
    found = [contrast(eye(linear(look.style(level).color, XTERM)), page) for level in SEVERITIES]
    for graver, milder in itertools.pairwise(found):
        assert graver > milder * 1.05, found


def test_severities_and_states_differ_in_symbol_and_word() -> None:
    assert len({symbol for symbol, _ in SEVERITY_WORDS.values()}) == len(SEVERITIES)
    assert len({word for _, word in SEVERITY_WORDS.values()}) == len(SEVERITIES)
    assert len(set(STATE_WORDS.values())) == len(STATE_WORDS)


@pytest.mark.parametrize(
    ("environ", "theme"),
    [
        ({"TERM": "xterm-256color"}, "dark"),
        ({"TERM": "screen-256color"}, "dark"),
        ({"TERM": "xterm"}, "sixteen"),
        ({"TERM": "linux"}, "sixteen"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "dark"),
        ({"TERM": "xterm", "NO_COLOR": "1"}, "mono"),
    ],
)
def test_the_theme_is_one_that_the_terminal_can_show(environ: dict[str, str], theme: str) -> None:
    assert theme_for(environ, "dark") == theme


def test_every_theme_names_the_same_styles() -> None:
    assert {frozenset(table) for table in THEMES.values()} == {frozenset(THEMES["dark"])}


def test_ascii_where_the_terminal_speaks_nothing_else_or_a_person_wants_it() -> None:
    assert look_for({"TERM": "linux"}).ascii_only and look_for({"LC_ALL": "C", "TERM": "xterm"}).ascii_only
    assert not look_for({"LC_ALL": "C.UTF-8", "TERM": "xterm"}).ascii_only
    assert look_for({"LC_ALL": "C.UTF-8"}, plain=True).ascii_only
