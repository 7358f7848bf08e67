from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skelstream.files.text import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("Übung 走る [bold]", "Übung 走る [bold]"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\tc", "a\\nb\\tc"),
        ("evil\u202e4pm.exe", "evil\\u202e4pm.exe"),
        ("\udcff.mp4", "\\udcff.mp4"),
        ("\x9b31m\0", "\\x9b31m\\x00"),
    ],
)
def test_control_characters_are_escaped(text, shown):
    assert printable(text) == shown


@given(st.text(st.characters()))
def test_the_result_is_always_printable(text):
    printable(text).encode()
    assert printable(text).isprintable()
