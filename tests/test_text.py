"""Numbers and names as people read them."""

from __future__ import annotations

import math
import re
import unicodedata

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from mlops_ci import text
from mlops_ci.compare import is_same

SUPERSCRIPTS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
usual = st.floats(1e-4, 1e6) | st.floats(-1e6, -1e-4)


def plain(shown: str) -> str:
    """With spaces instead of no-break spaces."""
    return shown.replace(text.NO_BREAK, " ")


def read(shown: str) -> float:
    """What a reader takes a number for."""
    mantissa, _, power = plain(shown).partition(" × 10")
    exponent = power.translate(SUPERSCRIPTS) or "0"
    return float(f"{mantissa.replace(',', '').replace('−', '-')}e{exponent}")


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0.9123, "0.9123"),
        (-0.5, "−0.5"),
        (0.0, "0.0"),
        (-0.0, "0.0"),
        (0, "0"),
        (1.0, "1.0"),
        (1 / 3, "0.333333"),
        (1204, "1,204"),
        (-1204, "−1,204"),
        (123456.7, "123,457.0"),
        (1e-4, "0.0001"),
        (1.234e-5, "1.23 × 10⁻⁵"),
        (-1e-5, "−1 × 10⁻⁵"),
        (0.00009999, "1 × 10⁻⁴"),
        (1234567.0, "1.23 × 10⁶"),
        (1e300, "1 × 10³⁰⁰"),
        (5e-324, "4.94 × 10⁻³²⁴"),
        (1234567, "1,234,567"),
        (999_999_999_999_999, "999,999,999,999,999"),
        (10**15, "1 × 10¹⁵"),
        (-(10**20), "−1 × 10²⁰"),
        (2**1000, "1.07 × 10³⁰¹"),
        (-(2**1000), "−1.07 × 10³⁰¹"),
        (math.inf, "+∞"),
        (-math.inf, "−∞"),
        (math.nan, "not a number"),
    ],
    ids=lambda value: f"{value!r:.20}" if not isinstance(value, int) else f"{value:x}"[:20],
)
def test_a_number_is_written_for_people(number, shown):
    assert plain(text.number(number)) == shown


@pytest.mark.parametrize(
    ("number", "decimals", "shown"),
    [
        (0.5, 3, "0.500"),
        (1234.5, 1, "1,234.5"),
        (-0.0004, 2, "0.00"),
        (-0.0, 2, "0.00"),
        (12, 3, "12"),
        (1e-5, 3, "1 × 10⁻⁵"),
    ],
)
def test_a_number_has_the_decimals_that_are_asked_for(number, decimals, shown):
    assert plain(text.number(number, decimals)) == shown


@settings(deadline=None)
@given(st.floats(-1e300, 1e300) | st.integers(-(10**18), 10**18))
def test_a_reader_takes_a_number_for_what_it_is(number):
    shown = text.number(number)
    assert "-" not in shown
    assert math.isclose(read(shown), number, rel_tol=6e-3 if "×" in shown else 6e-6)
    assert re.search("[1-9]", shown) or number == 0


@settings(deadline=None)
@given(usual, usual)
@example(0.9, 0.9001)
@example(100000.0, 100000.5)
def test_two_numbers_that_differ_look_different(before, after):
    assume(not is_same(before, after))
    decimals = text.decimals_for(before, after)
    assert text.number(before, decimals) != text.number(after, decimals)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (12345678.0, 12345679.0),
        (1.2341e-5, 1.2342e-5),
        (1.00001e9, 1.00002e9),
        (10**15 + 1, 10**15 + 2),
    ],
)
def test_large_and_small_numbers_that_differ_look_different(before, after):
    decimals = text.decimals_for(before, after)
    assert text.number(before, decimals) != text.number(after, decimals)


@pytest.mark.parametrize(
    ("before", "after", "decimals"),
    [
        (0.9123, 0.931, 4),
        (0.5, 0.75, 2),
        (0.5, 0.5, 1),
        (1.0, 2.0, 0),
        (1, 2, 0),
        (0.123456789, 0.987654321, 3),
        (0.123456789, 0.123456999, 9),
        (100.25, 350.5, 0),
        (1e-7, 2e-7, 7),
        (1e20, 2e20, 0),
        (0.1, math.nan, 1),
        (0.1, math.inf, 1),
        (0.8300000000000001, 0.83, 2),
        (0.94 - 0.1, 0.9 - 0.1, 2),
        (2**1000, 2**1000 + 10, 0),
    ],
    ids=lambda value: f"{value!r:.12}",
)
def test_decimals_show_the_change_and_nothing_that_was_not_written(before, after, decimals):
    assert text.decimals_for(before, after) == decimals


@pytest.mark.parametrize(
    ("delta", "decimals", "shown"),
    [
        (0.0188, 4, "+0.0188"),
        (-0.004, 3, "−0.004"),
        (0.0004, 2, "±0.00"),
        (1.1e-16, 2, "±0.00"),
        (-0.0004, 2, "±0.00"),
        (0.0, 2, "none"),
        (-0.0, 2, "none"),
        (0, 0, "none"),
        (3, 0, "+3"),
        (-1234, 2, "−1,234"),
        (1e-6, 7, "+1 × 10⁻⁶"),
        (-2.5e7, 0, "−2.5 × 10⁷"),
        (math.inf, 0, "+∞"),
        (-math.inf, 0, "−∞"),
        (math.nan, 0, "not a number"),
        (2**1000, 0, "+1.07 × 10³⁰¹"),
    ],
    ids=lambda value: f"{value!r:.12}",
)
def test_a_change_has_a_sign(delta, decimals, shown):
    assert plain(text.change(delta, decimals)) == shown


@pytest.mark.parametrize(
    ("relative", "shown"),
    [
        (0.021, "+2.1 %"),
        (-0.02, "−2.0 %"),
        (0.00001, "±0.0 %"),
        (-0.00001, "±0.0 %"),
        (0.0, "±0.0 %"),
        (0.12, "+12 %"),
        (-1.0, "−100 %"),
        (9.99, "+999 %"),
        (10.0, "× 11"),
        (999.0, "× 1,000"),
        (-20.0, ""),
        (None, ""),
        (math.nan, ""),
        (math.inf, ""),
    ],
)
def test_percent_is_short_and_empty_without_a_meaning(relative, shown):
    assert plain(text.percent(relative)) == shown


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (1234, "1.23 kB"),
        (999_499, "999 kB"),
        (999_500, "1 MB"),
        (999_999_999, "1 GB"),
        (10**12, "1 TB"),
    ],
)
def test_a_size_has_three_digits_and_a_unit(count, shown):
    assert plain(text.size(count)) == shown


@settings(deadline=None)
@given(st.integers(0, 10**18))
def test_a_size_is_never_in_scientific_notation(count):
    assert re.fullmatch(r"[\d.,]+ (bytes?|[kMGT]B)", plain(text.size(count)))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (True, "true"),
        (False, "false"),
        ("a\nb", "a⟨U+000A⟩b"),
        ([1, "a", None, 0.5], '[1, "a", null, 0.5]'),
        ([math.nan], "[NaN]"),
        ("x" * 50, "x" * 39 + "…"),
        ([9] * 50, "[9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9,…"),
    ],
)
def test_a_value_is_short_and_on_one_line(value, shown):
    assert text.value(value) == shown


# Names


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=())) | st.text(), st.integers(1, 200))
def test_nothing_in_a_name_can_hide_reorder_or_break_it(name, limit):
    shown = text.visible(name, limit)
    hidden = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not hidden & {unicodedata.category(character) for character in shown}
    assert len(shown) <= limit
    assert text.visible(shown, limit) == shown


def test_a_hostile_name_is_shown(hostile):
    shown = text.visible(hostile, 10**4)
    shown.encode()
    spelled = re.sub("⟨U\\+([0-9A-F]{4,6})⟩", lambda found: chr(int(found[1], 16)), shown)
    assert spelled == hostile


@pytest.mark.parametrize(
    "character",
    "\u034f\u115f\u1160\u17b4\u180b\u3164\ufe0f\uffa0\U000e0100",
    ids=lambda character: f"U+{ord(character):04X}",
)
def test_characters_that_have_no_glyph_are_shown(character):
    """Default_Ignorable_Code_Point, though letters or marks: `auc` and `auc` would be two names."""
    assert text.visible(f"auc{character}") == f"auc⟨U+{ord(character):04X}⟩"


def test_names_of_all_languages_stay():
    for name in ("größe", "精度", "точность", "दक्षता", "🎉", "a b_c-d.e/f@g(h)"):
        assert text.visible(name) == name


def test_what_is_cut_ends_in_an_ellipsis():
    assert text.visible("x" * 121) == "x" * 119 + "…"
    assert text.visible("x" * 120) == "x" * 120


def test_a_noun_agrees_with_its_number():
    assert [text.plural(n, "row") for n in (0, 1, 1234)] == ["0 rows", "1 row", "1,234 rows"]


def test_a_surrogate_that_no_file_name_gives_is_a_word_too() -> None:
    assert text.shell_word("a\ud800") == "$'a\\xed\\xa0\\x80'"
