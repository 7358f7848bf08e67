"""Edits of identities in the page, in a real browser: what it shows and saves is what ``skelstream edit`` makes of it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from skelstream.cli import app
from skelstream.editing import Drop, Merge, Name, Split, Swap, edited, read_edits
from skelstream.formats import load, save

pytestmark = [pytest.mark.browser, pytest.mark.slow]

pytest.importorskip("selenium", reason="the page's tests drive a browser with selenium")


@pytest.fixture
def walk(make_walkers, make_figure):
    """20 frames a tenth of a second apart: 1 in all of them, 2 in 0 to 9, 3 in 12 to 19."""

    def present(i):
        there = {1: make_figure(60 + i, 40, 150)}
        if i < 10 or i >= 12:
            there[2 if i < 10 else 3] = make_figure(220 + i, 40, 150)
        return there

    return make_walkers(np.arange(20) / 10, present)


def click(page, identifier):
    page.run("document.getElementById(arguments[0]).click()", identifier)


def choose(page, track, other=None):
    page.run(
        "[...document.querySelectorAll('#tracks button')]"
        ".find((b) => b.querySelector('.number').textContent.split(' ')[0] === arguments[0]).click()",
        str(track),
    )
    if other is not None:
        page.run("document.getElementById('other').value = arguments[0]", str(other))


def shown(page, frames=20):
    """The people that the page draws: first joint of each by frame and id."""
    return {
        (frame, person["id"]): tuple(round(v, 0) for v in person["joints"][0][:2])
        for frame in range(frames)
        for person in page.run("return skelstream.peopleIn(arguments[0])", frame)
    }


def drawn(sequence):
    return {
        (int(frame), track.id): tuple(float(round(v, 0)) for v in keypoints[0])
        for track in sequence
        for frame, keypoints in zip(track.frame, track.keypoints, strict=True)
    }


def test_edits_are_shown_and_saved_as_the_command_makes_them(open_page, walk, tmp_path):
    page = open_page(walk, name="walk.html")
    from selenium.webdriver import Keys
    from selenium.webdriver.common.by import By

    page.browser.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    choose(page, 2, other=3)
    click(page, "join")
    page.run("skelstream.seek(0.5)")
    choose(page, 1, other=2)
    click(page, "exchange")
    page.run("skelstream.seek(1.5)")
    page.key("c")  # cuts the chosen track
    assert "track 4" in page.text("trajectory-title") and page.text("edited-id") == "Track 4"
    page.browser.find_element(By.ID, "name").send_keys(" Anna ", Keys.ENTER)
    choose(page, 2)
    click(page, "delete")
    edits = [Merge((2, 3)), Swap((1, 2), 5), Split(1, 15), Name(4, "Anna"), Drop((2,))]
    assert shown(page) == drawn(edited(walk, edits)) != drawn(walk)
    names = page.run("return [...document.querySelectorAll('#tracks .number')].map((e) => e.textContent)")
    assert names == ["1", "4 Anna"]
    assert page.run("return document.querySelectorAll('#edits li').length") == 5

    click(page, "save")
    saved = tmp_path / "walk _1_.edits.json"
    page.until(saved.is_file)
    assert read_edits(saved).edits == tuple(edits)
    assert saved.name in page.text("edit-note")
    save(walk, tmp_path / "walk.npz")
    arguments = ["edit", tmp_path / "walk.npz", saved, "-o", tmp_path / "out.npz"]
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == 0, result.output
    assert drawn(load(tmp_path / "out.npz")) == shown(page)


def test_undo_goes_back_to_the_file(open_page, walk):
    page = open_page(walk)
    before = shown(page)
    for track in (1, 2, 3):
        choose(page, track)
        click(page, "delete")
    assert shown(page) == {} and page.state["track"] == -1
    page.key("u")
    assert {track for _, track in shown(page)} == {3} and page.state["track"] == 0
    page.key("u")
    click(page, "undo")
    assert shown(page) == before and page.run("return document.getElementById('undo').disabled")
    assert json.loads(page.run("return skelstream.edits()"))["edits"] == []


def test_impossible_edits_say_why_and_change_nothing(open_page, walk):
    page = open_page(walk)
    before = shown(page)
    choose(page, 1, other=2)
    click(page, "join")
    assert "both in frame 0: they are two people" in page.text("edit-note")
    click(page, "cut")
    assert "leaves one side empty" in page.text("edit-note")
    page.run("skelstream.seek(1.9)")
    choose(page, 2, other=3)
    page.run("skelstream.seek(1.9)")
    click(page, "cut")
    assert "leaves one side empty" in page.text("edit-note")
    assert shown(page) == before and json.loads(page.run("return skelstream.edits()"))["edits"] == []
    page.run("skelstream.seek(0.5)")
    choose(page, 1)
    click(page, "cut")
    assert page.text("edit-note") == ""


def test_letters_in_a_name_are_no_commands(open_page, walk):
    page = open_page(walk)
    page.run("skelstream.seek(0.5); document.getElementById('name').focus()")
    for key in "cuhv ":
        page.key(key)
    assert json.loads(page.run("return skelstream.edits()"))["edits"] == []
    assert page.state["shown"] == [True, True, True] and not page.state["playing"]


def test_hidden_tracks_stay_hidden_and_names_of_the_file_are_shown(open_page, walk):
    page = open_page(edited(walk, [Name(2, "Ben"), Name(3, "Eve <b>")]))
    names = page.run("return [...document.querySelectorAll('#tracks .number')].map((e) => e.textContent)")
    assert names == ["1", "2 Ben", "3 Eve <b>"]
    choose(page, 2)
    page.key("h")
    page.run("skelstream.seek(0.5)")
    choose(page, 1)
    click(page, "cut")
    assert page.state["shown"] == [True, False, True, True]
