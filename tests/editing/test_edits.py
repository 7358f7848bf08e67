from __future__ import annotations

import pytest

from skelstream.editing import Drop, Keep, Merge, Name, Split, Swap
from skelstream.editing.edits import edit_from_json, edit_from_text
from skelstream.errors import FormatError, SettingsError

EXAMPLES = [
    ("merge", "1,7", Merge((1, 7))),
    ("merge", "1, 7, 12", Merge((1, 7, 12))),
    ("split", "3@120", Split(3, 120)),
    ("swap", "2,5@88", Swap((2, 5), 88)),
    ("name", "4=Anna Maria = A", Name(4, "Anna Maria = A")),
    ("name", "4=", Name(4, "")),
    ("name", "4=Zoë 張", Name(4, "Zoë 張")),
    ("drop", "4", Drop((4,))),
    ("keep", "1,4", Keep((1, 4))),
]


@pytest.mark.parametrize(("kind", "text", "edit"), EXAMPLES)
def test_text_and_json_say_the_same(kind, text, edit):
    assert edit_from_text(kind, text) == edit
    assert edit_from_json(edit.to_json(), "edits[0]") == edit
    assert str(edit) == f"{kind} {text.replace(', ', ',')}"


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("merge", "1"), ("merge", "1,1"), ("merge", ""), ("merge", "1;7"), ("merge", "1,7@3"), ("merge", "-1,7"),
        ("split", "3"), ("split", "3,4@5"), ("split", "3@"), ("split", "3@x"), ("split", "3@4@5"),
        ("swap", "2@88"), ("swap", "2,5"), ("swap", "2,2@88"), ("swap", "1,2,3@88"),
        ("name", "Anna"), ("name", "4"), ("name", "4=a\nb"), ("name", f"4={'x' * 101}"), ("name", "4=\x1b[2J"),
        ("drop", "all"), ("drop", "4,4"), ("keep", ""), ("drop", "99999999999"), ("drop", "9" * 20_000),
    ],
)  # fmt: skip
def test_other_texts_are_refused_with_an_example(kind, text):
    with pytest.raises(SettingsError, match="give (an id|ids|two ids).* such as") as error:
        edit_from_text(kind, text)
    assert error.value.setting == kind and "\n" not in str(error.value) and "\x1b" not in str(error.value)


@pytest.mark.parametrize(
    "value",
    [
        None, [], "merge", {}, {"join": [1, 2]}, {"merge": 1}, {"merge": [1]}, {"merge": [1, "2"]}, {"merge": [1, True]},
        {"merge": [1, 2], "frame": 3}, {"split": 1}, {"split": [1], "frame": 3}, {"split": 1, "frame": -3},
        {"swap": [1, 2]}, {"swap": [1, 2], "frame": 1.5}, {"name": 1}, {"name": 1, "as": None}, {"drop": []},
        {"drop": [2**31]}, {"drop": [1], "keep": [2]},
    ],
)  # fmt: skip
def test_other_json_is_refused_by_name(value):
    with pytest.raises(FormatError, match=r"edits\[3\]") as error:
        edit_from_json(value, "edits[3]")
    assert "\n" not in str(error.value)
