"""Text that acts on nothing, wherever it is shown."""

import unicodedata

import pytest

from pykeen_negater.utils.printable import printable

from ..cases import ESCAPES


@pytest.mark.parametrize("text", ["", "plain", "two\nlines\tand a tab", "ünï · 日本語 👩‍🔬 …"])
def test_text_stays_as_it_is(text: str):
    assert printable(text) == text


def test_what_acts_on_a_terminal_is_written_by_its_code():
    assert printable(ESCAPES) == r"\x1b[2J\x1b]0;title\x07\x9b31m\r\x08\x7f\u202e"
    # the halves of a character cannot be printed at all
    assert printable("a\ud800b") == r"a\ud800b"


@pytest.mark.parametrize("code", [0xAD, 0x61C, 0x200B, 0x200E, 0x200F, 0x2028, 0x2029, 0x2060, 0x2066, 0xFEFF, 0xE0041])
def test_what_cannot_be_seen_is_written_by_its_code(code: int):
    assert printable(f"a{chr(code)}b") == f"a{chr(code)}b".encode("unicode_escape").decode()


def test_direction_marks_are_seen_wherever_labels_are_shown():
    """All characters that Unicode calls bidirectional controls, or separators of lines and paragraphs."""
    controls = [
        chr(code)
        for code in range(0x110000)
        if unicodedata.bidirectional(chr(code)) in ("LRE", "LRO", "RLE", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI", "B")
        or unicodedata.category(chr(code)) in ("Zl", "Zp")
        or (
            "MARK" in (name := unicodedata.name(chr(code), "")) and ("RIGHT-TO-LEFT" in name or "LEFT-TO-RIGHT" in name)
        )
    ]
    assert len(controls) > 15
    for control in controls:
        assert control == "\n" or control not in printable(f"a{control}b")


@pytest.mark.parametrize("text", ["می\u200cخواهم", "क्\u200dष", "👩\u200d🔬", "עברית", "é"])
def test_joiners_and_other_scripts_stay(text: str):
    assert printable(text) == text
