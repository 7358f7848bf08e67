"""The page in a real browser, without a window and without a network."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from skelstream.drawing.colors import HAND_COLORS
from skelstream.sequences.lifted import Lifted
from skelstream.sequences.sequence import skeleton_meta
from skelstream.skeleton import BODY_HANDS_FACE, H36M17
from skelstream.video import VideoWriter
from skelstream.viewer.report import report_page, video_data, video_link

from .conftest import Opened

pytestmark = [pytest.mark.browser, pytest.mark.slow]

pytest.importorskip("selenium", reason="the page's tests drive a browser with selenium")


def test_the_canvas_shows_what_the_file_says_at_each_time(open_page, two_walkers):
    page = open_page(two_walkers)
    page.key("p")  # no path of where the chosen joint has been
    for moment, row in ((0.0, 0), (0.62, 12), (0.6499, 13), (1.2, 24), (99, 39)):
        page.run("skelstream.seek(arguments[0])", moment)
        assert page.state["frame"] == row == page.run("return skelstream.frameAt(arguments[0])", moment)
        people = page.run("return skelstream.peopleIn(arguments[0])", row)
        expected = [(t.id, k) for t in two_walkers for k in np.flatnonzero(t.frame == row)]
        assert [person["id"] for person in people] == [track for track, _ in expected]
        for person, (track, k) in zip(people, expected, strict=True):
            there = two_walkers[two_walkers.track_ids.tolist().index(track)]
            np.testing.assert_allclose(np.array(person["joints"])[:, :2], there.keypoints[k], atol=0.06)
            for x, y in person["canvas"]:
                assert page.pixel(x, y)[3] > 150
        if not people:
            assert not page.run(
                "const c = document.getElementById('figures');"
                "return c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some((v) => v)"
            )
    assert page.run("return document.title") == "walk <1>"


def test_joints_that_are_missing_are_not_drawn(open_page, make_walkers, make_figure):
    points = make_figure(100, 40, 150)
    points[[4, 10]] = np.nan
    page = open_page(make_walkers([0, 1], lambda i: {7: points}))
    (person,) = page.run("return skelstream.peopleIn(0)")
    assert [j for j, joint in enumerate(person["joints"]) if joint is None] == [4, 10]
    assert page.run("return document.querySelectorAll('#joints .value')[4].textContent") == "–"


def test_it_plays_at_its_speed_and_stops_at_the_end(open_page, two_walkers):
    page = open_page(two_walkers)
    page.run(
        "document.getElementById('speed').value = '0.5';"
        "document.getElementById('speed').dispatchEvent(new Event('change'))"
    )
    began = time.monotonic()
    page.key(" ")
    assert page.state["playing"]
    page.until(lambda: page.state["frame"] > 5)
    assert page.run("return document.getElementById('play').getAttribute('aria-label')") == "Pause"
    page.until(lambda: not page.state["playing"])
    assert 3.5 < time.monotonic() - began < 15 and page.state["frame"] == 39
    page.key(" ")  # from the end, once more from the beginning
    assert page.state["playing"] and page.state["frame"] < 39
    page.key(" ")
    assert not page.state["playing"]


def test_keys(open_page, two_walkers):
    page = open_page(two_walkers)
    state = page.state
    assert state["track"] == 0 and state["frame"] == 0
    for key, modifiers, frame in (
        ("ArrowRight", {}, 1), ("ArrowRight", {}, 2), ("ArrowLeft", {}, 1),
        ("ArrowRight", {"shiftKey": True}, 21), ("End", {}, 39), ("ArrowRight", {}, 39),
        ("Home", {}, 0), ("ArrowLeft", {}, 0),
    ):  # fmt: skip
        page.key(key, **modifiers)
        assert page.state["frame"] == frame, key
    page.key("]")
    page.key("n")
    assert page.state["track"] == 1 and page.state["frame"] == 10
    page.key("n")
    assert page.state["frame"] == 22
    page.key("h")
    assert page.state["shown"] == [True, False]
    assert "track 2" in page.text("trajectory-title") and "neck" in page.text("trajectory-title")
    page.key("j")
    assert "right shoulder" in page.text("trajectory-title")
    page.key("[")
    page.key("[")
    assert page.state["track"] == 0
    page.key(".")
    assert page.state["speed"] == 2
    page.key(",")
    page.key(",")
    assert page.state["speed"] == 0.5


def test_a_hidden_track_is_not_drawn(open_page, two_walkers):
    page = open_page(two_walkers)
    page.run("skelstream.seek(0.6)")
    second = next(p for p in page.run("return skelstream.peopleIn(12)") if p["id"] == 2)
    x, y = second["canvas"][1]
    assert page.pixel(x, y)[3] > 150
    page.run("document.querySelectorAll('#tracks input')[1].click()")
    assert page.state["shown"] == [True, False] and page.pixel(x, y)[3] == 0
    page.run("document.getElementById('show-none').click()")
    assert page.state["shown"] == [False, False]
    page.run("document.getElementById('show-all').click()")
    assert page.pixel(x, y)[3] > 150


def test_pointing_at_the_timeline_seeks_and_chooses(open_page, two_walkers):
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.by import By

    page = open_page(two_walkers)
    bars = page.browser.find_element(By.ID, "bars")
    page.browser.execute_script("arguments[0].scrollIntoView()", bars)
    height, width = bars.size["height"], bars.size["width"]
    ActionChains(page.browser).move_to_element_with_offset(bars, 0, int(height / 4)).click().perform()
    state = page.state
    wanted = 1.95 * (width / 2 - 46) / (width - 54)
    assert state["track"] == 1 and abs(state["time"] - wanted) < 0.06


@pytest.fixture
def clip(tmp_path):
    """Forty frames, each of its own grey, at 20 a second."""
    path = tmp_path / "my clip.mp4"
    with VideoWriter(path, 240, 320, fps=20, quality=10) as writer:
        for i in range(40):
            writer.write(np.full((240, 320, 3), 20 + 5 * i, np.uint8), i / 20)
    return path


VIDEO_GREY = """
const context = Object.assign(document.createElement("canvas"), {width: 1, height: 1}).getContext("2d");
context.drawImage(document.getElementById("video"), 2, 2, 1, 1, 0, 0, 1, 1);
return context.getImageData(0, 0, 1, 1).data[0];
"""


def test_the_video_is_at_the_frame_of_the_skeletons(open_page, two_walkers, clip):
    page = open_page(two_walkers, video_data(clip))
    if not page.state["hasVideo"]:
        pytest.skip("this Chromium plays no H.264")
    for row in (0, 7, 25, 39, 13):
        page.run("skelstream.seek(arguments[0])", row / 20)
        page.until(lambda grey=20 + 5 * row: abs(page.run(VIDEO_GREY) - grey) <= 2)
        assert page.state["frame"] == row
    page.key("Home")
    page.key(" ")
    page.until(lambda: page.state["frame"] > 3)
    state = page.state
    assert abs(state["videoTime"] - state["time"]) < 0.2
    page.until(lambda: not page.state["playing"])
    assert page.state["frame"] == 39


def test_a_video_beside_the_page(open_page, two_walkers, clip, tmp_path):
    page = open_page(two_walkers, video_link(clip, tmp_path / "page.html"))
    if not page.state["hasVideo"]:
        pytest.skip("this Chromium plays no H.264")
    assert page.run("return document.getElementById('video').videoWidth") == 320
    page.key("v")
    assert page.run("return document.getElementById('video').hidden")


def test_a_video_that_cannot_be_played_leaves_the_skeletons(browser, two_walkers, tmp_path):
    path = tmp_path / "page.html"
    path.write_text(report_page(two_walkers, "walk", "gone.mp4"), encoding="utf-8")
    page = Opened(browser, path)
    assert not page.state["hasVideo"] and "cannot be played" in page.text("notice")
    page.run("skelstream.seek(0.6)")
    assert page.state["frame"] == 12 and page.run("return document.getElementById('show-video').disabled")
    browser.get_log("browser")  # the browser itself reports the missing file


@pytest.mark.parametrize("frames", [0, 1, 3])
def test_nobody_in_the_video(open_page, make_walkers, frames):
    page = open_page(make_walkers(np.arange(frames) / 10, lambda i: {}))
    assert "Nobody" in page.text("notice")
    for key in (" ", "]", "n", "h", "j", "End", "ArrowRight"):
        page.key(key)


def test_every_control_has_a_name(open_page, two_walkers):
    page = open_page(two_walkers)
    nameless = page.run(
        "return Array.from(document.querySelectorAll('button, input, select, canvas')).filter((e) =>"
        "!(e.getAttribute('aria-label') || e.textContent.trim() || (e.labels && e.labels.length)))"
        ".map((e) => e.outerHTML)"
    )
    assert nameless == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast_in_light_and_dark(open_page, two_walkers, scheme):
    page = open_page(two_walkers)
    page.browser.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    ratio = page.run(
        """
        const parse = (text) => text.match(/[\\d.]+/g).slice(0, 3).map((v) => {
          const c = v / 255;
          return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
        });
        const light = (c) => 0.2126 * c[0] + 0.7152 * c[1] + 0.0722 * c[2];
        const contrast = (a, b) => {
          const [low, high] = [light(parse(a)), light(parse(b))].sort((x, y) => x - y);
          return (high + 0.05) / (low + 0.05);
        };
        const ground = getComputedStyle(document.body).backgroundColor;
        return ["h1", "h2", "#facts", "#clock", "summary"].map((s) =>
          contrast(getComputedStyle(document.querySelector(s)).color, ground));
        """
    )
    assert min(ratio) > 4.5
    ground = page.run("return getComputedStyle(document.body).backgroundColor.match(/[0-9]+/)[0]")
    assert (int(ground) < 100) == (scheme == "dark")


def test_a_long_file_stays_usable(open_page, long_sequence):
    began = time.monotonic()
    page = open_page(long_sequence)
    assert time.monotonic() - began < 30
    page.run("skelstream.seek(200)")
    assert page.state["frame"] == 5000 and len(page.run("return skelstream.peopleIn(5000)")) == 50
    spent = page.run(
        "const began = performance.now();"
        "for (let i = 0; i < 50; i++) skelstream.seek(100 + i);"
        "return performance.now() - began"
    )
    assert spent / 50 < 100  # milliseconds a frame


@pytest.fixture(scope="module")
def long_sequence():
    """10,000 frames of 50 people, all there all the time."""
    from skelstream.sequences import SkeletonSequence
    from skelstream.sequences.sequence import skeleton_meta
    from skelstream.skeleton import OPENPOSE18

    frames, tracks = 10_000, 50
    starts = np.random.default_rng(0).uniform(100, 900, (tracks, 1, 18, 2))
    points = starts + np.arange(frames)[:, None, None] / 20
    rows = tracks * frames
    return SkeletonSequence(
        points.reshape(rows, 18, 2).astype(np.float32), np.full((rows, 18), 0.7, np.float32),
        np.zeros((rows, 4), np.float32), np.full(rows, 0.7, np.float32),
        np.tile(np.arange(frames, dtype=np.int32), tracks), np.arange(1, tracks + 1, dtype=np.int32),
        np.arange(tracks + 1) * frames, np.arange(frames, dtype=np.int32), np.arange(frames) / 25,
        np.ones(frames, bool), {**skeleton_meta(OPENPOSE18), "height": 1080, "width": 1920},
    )  # fmt: skip


def _lifted(sequence):
    """Everybody stands with the left arm to the right of the image, row 3 not lifted."""
    places = np.zeros((len(sequence.frame), len(H36M17), 3), np.float32)
    places[:, H36M17.index("left_wrist")] = 0.6, -0.3, 0.1
    places[:, H36M17.index("head")] = 0, -0.7, 0
    places[3] = np.nan
    seen = np.isfinite(places[..., 0])
    seen[:, H36M17.index("left_wrist")] = False
    return replace(sequence, lifted=Lifted(places, seen))


def test_people_in_space_can_be_turned(open_page, two_walkers):
    page = open_page(_lifted(two_walkers))
    wrist, head = H36M17.index("left_wrist"), H36M17.index("head")
    assert page.run("return !document.getElementById('space').hidden")
    page.run("skelstream.seek(0.5)")
    page.until(lambda: page.run("return skelstream.space()") is not None)
    before = page.run("return skelstream.space()")
    assert before[head][1] < before[0][1]

    def drag(x, y):
        page.run(
            "const canvas = document.getElementById('turntable'); canvas.dispatchEvent(new PointerEvent("
            "'pointermove', {buttons: 1, bubbles: true, movementX: arguments[0], movementY: arguments[1]}))",
            x,
            y,
        )

    # From the start's half radian back to where the camera stood.
    drag(-60, -18)
    front = page.run("return skelstream.space()")
    scale = (front[0][1] - front[head][1]) / 0.7
    assert abs((front[wrist][0] - front[0][0]) / scale - 0.6) < 0.02
    # Half a turn about the axis up shows the back.
    drag(120 * np.pi, 0)
    back = page.run("return skelstream.space()")
    assert abs((back[0][0] - back[wrist][0]) / scale - 0.6) < 0.02
    painted = page.run(
        "const c = document.getElementById('turntable'); const data = c.getContext('2d')"
        ".getImageData(0, 0, c.width, c.height).data; return data.some((v, i) => i % 4 === 3 && v > 200)"
    )
    assert painted
    # A row that was not lifted says so instead.
    row = int(two_walkers.frame[3])
    page.run("skelstream.seek(arguments[0])", float(two_walkers.frame_time[row] - two_walkers.frame_time[0]))
    page.until(lambda: page.state["frame"] == row)
    page.until(lambda: page.run("return skelstream.space()") is None)


def test_without_3d_there_is_no_turntable(open_page, two_walkers):
    page = open_page(two_walkers)
    assert (
        page.run("return document.getElementById('space').hidden")
        and page.run("return skelstream.space()") is None
    )


def whole_body(two_walkers):
    """The walkers with a left hand, a fan of 20 pixels to the right of the neck, and a face of 10 pixels around the nose."""
    n = len(two_walkers.frame)
    points = np.full((n, 528, 2), np.nan, np.float32)
    points[:, :18] = two_walkers.keypoints
    hand = np.stack([np.arange(21) % 5 * 5.0, np.arange(21) // 5 * 5.0], 1)
    points[:, 18:39] = two_walkers.keypoints[:, 1:2] + (60, 0) + hand
    angles = np.linspace(0, 2 * np.pi, 468)
    points[:, 60:] = two_walkers.keypoints[:, :1] + 5 * np.stack([np.cos(angles), np.sin(angles)], 1)
    return replace(
        two_walkers,
        keypoints=points,
        scores=np.where(np.isfinite(points[..., 0]), 0.9, 0).astype(np.float32),
        meta={**two_walkers.meta, **skeleton_meta(BODY_HANDS_FACE)},
        observed=None,
    )


def test_hands_and_contours_are_drawn(open_page, two_walkers):
    page = open_page(whole_body(two_walkers))
    page.run("skelstream.seek(0.5)")
    person = page.run("return skelstream.peopleIn(10)")[0]
    names = page.run("return JSON.parse(document.getElementById('facts-json').textContent).joints")
    tip = person["canvas"][names.index("left_pinky_finger4")]
    assert np.abs(np.array(page.pixel(*tip)[:3]) - HAND_COLORS["left_hand"]).max() < 40
    headings = page.run(
        "return Array.from(document.querySelectorAll('#joints summary'), (s) => s.textContent)"
    )
    assert headings == ["face", "left hand", "right hand"]
    assert page.run("return document.querySelectorAll('#joints .name')[0].textContent") == "nose"


def test_a_hand_is_shown_large(open_page, two_walkers):
    page = open_page(whole_body(two_walkers))
    page.run("skelstream.seek(0.5)")

    def hand():
        person = page.run("return skelstream.peopleIn(10)")[0]
        return np.array([place for place in person["canvas"][18:39]])

    before = hand()
    page.key("z")
    assert page.state["zoom"] == "body"
    page.key("z")
    assert page.state["zoom"] == "left_hand"
    canvas = page.run("const c = document.getElementById('figures'); return [c.width, c.height]")
    large = hand()
    assert np.ptp(large, axis=0).max() > 4 * np.ptp(before, axis=0).max()
    assert (large >= 0).all() and (large <= canvas).all()
    scale = page.run("return +document.getElementById('video').style.transform.match(/scale\\(([\\d.]+)/)[1]")
    assert scale == pytest.approx(np.ptp(large, axis=0).max() / np.ptp(before, axis=0).max(), rel=0.01)
    for expected in ("right_hand", "face", ""):
        page.key("z")
        assert page.state["zoom"] == expected
    np.testing.assert_allclose(hand(), before)


def test_a_double_click_shows_the_part_under_it(open_page, two_walkers):
    page = open_page(whole_body(two_walkers))
    page.run("skelstream.seek(0.5)")
    click = (
        "const [joint] = arguments, canvas = document.getElementById('figures'), box = canvas.getBoundingClientRect();"
        "const [x, y] = skelstream.peopleIn(10)[0].canvas[joint];"
        "canvas.dispatchEvent(new MouseEvent('dblclick', {bubbles: true,"
        " clientX: box.left + x * box.width / canvas.width, clientY: box.top + y * box.height / canvas.height}))"
    )
    page.run(click, 30)
    assert page.state["zoom"] == "left_hand"
    page.run(click, 30)
    assert page.state["zoom"] == ""
