from __future__ import annotations

import numpy as np
import pytest

from skelstream.errors import FormatError
from skelstream.files import values

HUGE = 10**400


@pytest.mark.parametrize(
    ("check", "good", "result"),
    [
        (values.integer, 3, 3),
        (values.integer, 3.0, 3),
        (values.integer, np.int64(3), 3),
        (values.integer, 2**31 - 1, 2**31 - 1),
        (values.real, 0.5, 0.5),
        (values.real, np.float32(0.5), 0.5),
        (values.boolean, True, True),
        (values.boolean, 0, False),
        (values.string, "a", "a"),
        (values.items, (1, 2), [1, 2]),
        (values.mapping, {"a": 1}, {"a": 1}),
        (values.identifier, "000001.jpg", "000001.jpg"),
        (values.identifier, 7.0, 7),
    ],
)
def test_valid_values_are_returned_with_their_type(check, good, result):
    found = check(good, "x")
    assert found == result and type(found) is type(result)


@pytest.mark.parametrize(
    ("check", "bad"),
    [
        *((values.integer, bad) for bad in (True, "3", 3.5, -1, 2**31, HUGE, np.nan, np.inf, None, [3])),
        *((values.real, bad) for bad in (True, "0.5", HUGE, -HUGE, np.nan, np.inf, None, 1j)),
        *((values.boolean, bad) for bad in ("false", "true", 2, None, 0.5, [], HUGE)),
        *((values.string, bad) for bad in (1, None, b"a", "a\0b")),
        *((values.items, bad) for bad in ("ab", {}, None, 3)),
        *((values.mapping, bad) for bad in ([], None, "a")),
        *((values.identifier, bad) for bad in ([1], None, True, 1.5)),
    ],
)
def test_the_error_names_the_value(check, bad):
    with pytest.raises(FormatError, match=r"^people\[2\]\.x is .* expected$"):
        check(bad, "people[2].x")


def test_values_are_shown_short_and_safe():
    with pytest.raises(FormatError, match=r"^x is '\\x1b\[2Jaaa.*\.\.\.") as caught:
        values.integer("\x1b[2J" + "a" * 10_000, "x")
    assert len(str(caught.value)) < 120


def test_ranges():
    assert values.real(1, "x", 0, 1) == 1 and values.integer(-5, "x", -5) == -5
    with pytest.raises(FormatError, match="a finite number from 0 to 1 expected"):
        values.real(1.5, "x", 0, 1)
    with pytest.raises(FormatError, match="a list of 2 expected"):
        values.items([1], "size", 2)


def test_arrays():
    assert values.reals([1, 2, 3, 4], "x", (-1, 2)).tolist() == [[1, 2], [3, 4]]
    assert values.reals([], "x", (-1, 2)).shape == (0, 2)
    assert np.isnan(values.reals([np.nan, 2], "x", (2,), missing=True)[0])
    for bad in (
        5,
        [1],
        ["a", "b"],
        ["1", "2"],
        [[1], [2, 3]],
        [None, 1],
        [HUGE, 1],
        [np.nan, 1],
        [1e999, 1],
        None,
    ):
        with pytest.raises(FormatError, match="x is .* 2 finite numbers expected"):
            values.reals(bad, "x", (2,))
