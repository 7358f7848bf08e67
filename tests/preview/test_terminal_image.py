from __future__ import annotations

import numpy as np
import pytest

from skelstream.drawing.colors import PLAIN_BACKGROUND, track_color
from skelstream.pipeline import AnalysedFrame
from skelstream.preview.terminal import Abilities
from skelstream.preview.terminal_image import (
    GRAPHICS,
    CellArea,
    TerminalImage,
    cell_pixels,
    choose_graphics,
    snapshot,
)
from skelstream.skeleton import OPENPOSE18
from skelstream.tracking.tracked import TrackedPeople
from skelstream.video import Frame

SOURCE = 240, 320


@pytest.mark.parametrize("said, expected", [
    (Abilities(True, True, True, (8, 16)), "kitty"),
    (Abilities(True, False, True, (8, 16)), "sixel"),
    (Abilities(True, False, True, None), "blocks"),
    (Abilities(True), "blocks"),
    (Abilities(), "blocks256"),
])  # fmt: skip
def test_the_best_that_the_terminal_has(said, expected):
    assert choose_graphics("auto", said) == expected
    assert choose_graphics("blocks256", said) == "blocks256"
    assert cell_pixels(said) == (8, 16)


@pytest.fixture
def analysed(make_figure):
    """A grey frame with a person whose track 7 is confirmed and one whose track 8 is not."""
    from skelstream.people import People

    keypoints = np.stack([make_figure(100, 40, 160), make_figure(240, 40, 160)])
    boxes = np.concatenate([keypoints.min(1), keypoints.max(1)], 1)
    people = People(keypoints, np.full((2, 18), 0.9, np.float32), np.full(2, 0.9, np.float32), boxes)
    tracked = TrackedPeople(3, 0.1, people, np.array([7, 8], np.int32), np.array([True, False]))
    return AnalysedFrame(Frame(3, 0.1, np.full((*SOURCE, 3), 200, np.uint8)), tracked, 0.0)


def colors_near(image, color):
    return (np.abs(image.astype(int) - color).max(-1) < 40).sum()


class Shown(TerminalImage):
    """Keeps the pixels that are to be encoded."""

    def _drawn(self, *arguments):
        self.pixels = super()._drawn(*arguments)
        return self.pixels


@pytest.mark.parametrize("graphics", GRAPHICS[1:])
@pytest.mark.parametrize("bare", [False, True])
def test_a_darkened_frame_with_confirmed_people(analysed, graphics, bare):
    picture = Shown(CellArea(1, 2, 30, 80), graphics, (8, 16), SOURCE, OPENPOSE18)
    assert picture.encode(analysed, bare)
    ground = PLAIN_BACKGROUND if bare else (90, 90, 90)
    assert (picture.pixels[2, 2] == ground).all()
    assert colors_near(picture.pixels, track_color(7)) > 50 > colors_near(picture.pixels, track_color(8))


def test_a_frame_that_failed_to_decode(analysed):
    failed = AnalysedFrame(Frame(4, 0.2, None), TrackedPeople.failed(4, 0.2, 18), 0.0)
    picture = Shown(CellArea(0, 0, 20, 40), "blocks", (8, 16), SOURCE, OPENPOSE18)
    assert picture.encode(failed, False) and (picture.pixels == PLAIN_BACKGROUND).all()
    assert (snapshot(failed, OPENPOSE18, SOURCE, False) == PLAIN_BACKGROUND).all()


def test_numbers_stand_over_heads_in_blocks(analysed):
    blocks = TerminalImage(CellArea(0, 0, 30, 80), "blocks", (8, 16), SOURCE, OPENPOSE18)
    sent = blocks.encode(analysed, False)
    red, green, blue = track_color(7)
    assert b"48;2;%d;%d;%dm 7 " % (red, green, blue) in sent
    again = blocks.encode(analysed, False)
    assert again == b""


def test_large_images_in_pixels_stay_quick(analysed):
    place = CellArea(0, 0, 100, 300)
    kitty = Shown(place, "kitty", (10, 20), SOURCE, OPENPOSE18)
    assert b"c=300,r=100" in kitty.encode(analysed, False) and max(kitty.pixels.shape) <= 720
    sixel = Shown(place, "sixel", (10, 20), SOURCE, OPENPOSE18)
    sent = sixel.encode(analysed, False)
    assert max(sixel.pixels.shape) <= 720 and not sent.startswith(b"\x1b[1;1H")
    assert kitty.clear() and not sixel.clear()


def test_a_snapshot_is_the_whole_frame(analysed):
    picture = snapshot(analysed, OPENPOSE18, SOURCE, False)
    assert picture.shape == (*SOURCE, 3) and (picture[2, 2] == 200).all()
    assert colors_near(picture, track_color(7)) > 50
    assert (snapshot(analysed, OPENPOSE18, SOURCE, True)[2, 2] == PLAIN_BACKGROUND).all()
