from __future__ import annotations

import base64
import json
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest

from skelstream.errors import OutputError, SourceError
from skelstream.sequences.sequence import skeleton_meta
from skelstream.skeleton import BODY_FACE
from skelstream.viewer import report
from skelstream.viewer.report import report_page, video_data, video_link


def facts_of(page):
    return json.loads(re.search(r'id="facts-json">(.*?)</script>', page, re.S)[1])


def unpacked(page):
    """Coordinates and scores as a reader of the page gets them."""
    facts = facts_of(page)
    data = zlib.decompress(base64.b64decode(re.search(r'id="packed">(.*?)</script>', page, re.S)[1]))
    rows, joints = facts["rows"], len(facts["joints"])
    offset = facts["frames"] * 12 + rows * 4 + facts["tracks"] * 4 + (facts["tracks"] + 1) * 4
    cells = rows * joints * 2
    low, high = (np.frombuffer(data, np.uint8, cells, offset + i * cells).astype(int) for i in (0, 1))
    steps = (low + 256 * high).reshape(joints, 2, rows)
    points = np.cumsum(steps, 2) % 65536 * facts["step"] + np.array(facts["origin"])[None, :, None]
    scores = np.frombuffer(data, np.uint8, rows * joints, offset + 2 * cells).reshape(joints, rows)
    return points.transpose(2, 0, 1), scores.T / 255, len(data) - offset - 2 * cells - rows * joints


def test_the_page_holds_what_the_sequence_says(two_walkers):
    two_walkers.keypoints[3, 4] = two_walkers.keypoints[0, 2] = np.nan
    two_walkers.scores[3, 4] = two_walkers.scores[0, 2] = 0
    page = report_page(two_walkers, "walk")
    points, scores, rest = unpacked(page)
    seen = np.isfinite(two_walkers.keypoints[..., 0])
    np.testing.assert_allclose(points[seen], two_walkers.keypoints[seen], atol=0.051)
    np.testing.assert_allclose(scores, two_walkers.scores, atol=1 / 255)
    np.testing.assert_array_equal(scores > 0, seen)
    assert rest == two_walkers.frames
    assert facts_of(page)["summary"] == "320 × 240, 40 frames, 1.9 s, 2 tracks, openpose18"


def test_places_far_outside_of_a_large_image(make_walkers, make_figure):
    far = make_figure(-900, 20, 300)
    sequence = make_walkers([0, 1], lambda i: {1: far if i else make_figure(8000, 3000, 900)})
    points, _, _ = unpacked(report_page(sequence, "far"))
    np.testing.assert_allclose(points, sequence.keypoints, atol=0.2)


def test_a_joint_of_lowest_score_is_still_there(make_walkers, make_figure):
    sequence = make_walkers([0.0], lambda i: {1: make_figure(50, 50, 90)})
    sequence.scores[:] = 0.0005
    assert (unpacked(report_page(sequence, "faint"))[1] > 0).all()


@pytest.mark.parametrize("frames", [0, 1, 5])
def test_nobody(make_walkers, frames):
    facts = facts_of(report_page(make_walkers(np.arange(frames) / 10, lambda i: {}), "empty"))
    assert facts["rows"] == facts["tracks"] == 0 and facts["frames"] == frames


def test_the_page_needs_nothing_else_and_names_cannot_break_it(two_walkers):
    page = report_page(two_walkers, "</title><script>alert(1)</script>", "a</script><b>.mp4")
    assert "{{" not in page and "alert(1)</script>" not in page and "a</script>" not in page
    assert page.count("</script>") == 3
    assert facts_of(page)["video"] == "a</script><b>.mp4"
    assert not re.search(r"(src|href)=\"(?!data:)", page) and "http:" not in page and "https:" not in page


def test_links_are_relative_and_escaped(tmp_path):
    (tmp_path / "in & out").mkdir()
    video = tmp_path / "in & out" / "my clip #1.mp4"
    video.write_bytes(b"x")
    assert video_link(video, tmp_path / "page.html") == "in%20%26%20out/my%20clip%20%231.mp4"
    (tmp_path / "pages").mkdir()
    assert video_link(video, tmp_path / "pages" / "p.html") == "../in%20%26%20out/my%20clip%20%231.mp4"
    for function in (lambda path: video_link(path, tmp_path / "p.html"), video_data):
        with pytest.raises(SourceError, match="no such video"):
            function(tmp_path / "none.mp4")


def test_embedding(tmp_path, monkeypatch):
    video = tmp_path / "clip.webm"
    video.write_bytes(b"images")
    assert video_data(video) == "data:video/webm;base64," + base64.b64encode(b"images").decode()
    monkeypatch.setattr(report, "_LARGEST_EMBEDDED", 4)
    with pytest.raises(OutputError, match="keep it beside the page"):
        video_data(video)


def test_of_a_face_the_page_holds_the_contours(two_walkers):
    n = len(two_walkers.frame)
    face = np.random.default_rng(0).random((n, 468, 2)).astype(np.float32) * 50
    whole = replace(
        two_walkers,
        keypoints=np.concatenate([two_walkers.keypoints, face], 1),
        scores=np.concatenate([two_walkers.scores, np.full((n, 468), 0.9, np.float32)], 1),
        meta={**two_walkers.meta, **skeleton_meta(BODY_FACE)},
        observed=None,
    )
    facts = facts_of(page := report_page(whole, "face"))
    points, _, _ = unpacked(page)
    contours = sorted({j for limb in BODY_FACE.limbs for j in limb if j >= 18})
    assert facts["joints"] == [BODY_FACE.joints[j] for j in (*range(18), *contours)]
    np.testing.assert_allclose(points[:, 18:], whole.keypoints[:, contours], atol=0.051)
    (face_part,) = [part for part in facts["figure"] if part["name"] == "face"]
    drawn = {facts["joints"][j] for a, b, _ in face_part["limbs"] for j in (a, b)}
    assert drawn == {BODY_FACE.joints[j] for j in contours}
    assert facts["head"] == [0, 14, 15, 16, 17] and facts["body"] == list(range(18))
