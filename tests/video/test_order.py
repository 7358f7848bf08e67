from __future__ import annotations

from skelstream.video.order import DisplayOrder


def run(sent, out, failures=(), **options):
    """Feeds packets; a frame comes out when its packet, and three more, have gone in."""
    order, rows = DisplayOrder(**options), []
    sent, out = list(sent), list(out)
    for i, pts in enumerate(sent):
        order.sent(pts)
        if i in failures:
            rows += order.failed()
        while out and out[0] in sent[: max(0, i - 2)]:
            frame = out.pop(0)
            rows += order.decoded(frame, f"frame {frame}")
    for frame in out:
        rows += order.decoded(frame, f"frame {frame}")
    more, missing = order.finished()
    return [(row.pts, row.frame) for row in rows + more], missing


def test_frames_in_order_pass_through():
    rows, missing = run(range(5), range(5))
    assert rows == [(i, f"frame {i}") for i in range(5)]
    assert missing == []


def test_b_frames_are_no_gap():
    rows, missing = run([0, 4, 2, 1, 3, 8, 6, 5, 7], range(9))
    assert [pts for pts, _ in rows] == list(range(9))
    assert all(frame for _, frame in rows) and missing == []


def test_lost_frames_keep_their_places():
    rows, missing = run(range(40), [i for i in range(40) if i not in (5, 6, 20)])
    assert [pts for pts, _ in rows] == list(range(40))
    assert [pts for pts, frame in rows if frame is None] == [5, 6, 20]
    assert missing == []


def test_a_whole_lost_group_is_kept():
    rows, _ = run(range(500), [i for i in range(500) if not 100 <= i < 400])
    assert [pts for pts, _ in rows] == list(range(500))
    assert [pts for pts, frame in rows if frame is None] == list(range(100, 400))


def test_frames_lost_at_the_end_are_named():
    rows, missing = run(range(10), range(7))
    assert [pts for pts, _ in rows] == list(range(7)) and missing == [7, 8, 9]


def test_lost_at_the_beginning():
    rows, _ = run(range(20), range(2, 20))
    assert rows[:3] == [(0, None), (1, None), (2, "frame 2")]


def test_leading_pictures_before_the_first_key_frame_are_no_frames():
    rows, missing = run([4, 2, 1, 3, 8, 6, 5, 7], [4, 5, 6, 7, 8])
    assert [pts for pts, _ in rows] == [4, 5, 6, 7, 8] and missing == []


def test_leading_pictures_that_decode_are_frames():
    rows, _ = run([4, 2, 1, 3, 8, 6, 5, 7], range(1, 9))
    assert [pts for pts, _ in rows] == list(range(1, 9))


def test_decoding_times_are_handed_out_in_order():
    # Display order of I0 P1 B2 B3 P4 B5 B6, each with the time of its decoding.
    rows, missing = run(range(7), [0, 2, 3, 1, 5, 6, 4])
    assert [pts for pts, _ in rows] == list(range(7))
    assert [frame for _, frame in rows] == [f"frame {i}" for i in (0, 2, 3, 1, 5, 6, 4)]
    assert missing == []


def test_a_jump_back_in_time_is_no_loss():
    sent = [*range(1000, 1050), *range(50)]
    rows, missing = run(sent, sent)
    assert [pts for pts, _ in rows] == sent
    assert all(frame for _, frame in rows) and missing == []


def test_a_loss_beside_a_jump_back():
    sent = [*range(1000, 1050), *range(50)]
    rows, _ = run(sent, [pts for pts in sent if pts not in (1040, 1049, 3)])
    assert [pts for pts, _ in rows] == sent
    assert [pts for pts, frame in rows if frame is None] == [1040, 1049, 3]


def test_equal_times_are_frames_of_their_own():
    rows, missing = run([0, 1, 1, 2], [0, 1, 1, 2])
    assert len(rows) == 4 and all(frame for _, frame in rows) and missing == []


def test_without_timestamps_errors_make_the_rows():
    rows, missing = run([None] * 6, [None] * 5, failures={2})
    assert [frame for _, frame in rows].count(None) == 1 and len(rows) == 6 and missing == []


def test_corrupt_frames_are_lost_at_once():
    order = DisplayOrder()
    order.sent(0)
    assert [(row.pts, row.frame) for row in order.decoded(0, None)] == [(0, None)]


def test_second_fields_are_no_losses():
    frames = range(0, 40, 2)
    rows, missing = run(range(40), frames, fields_apart=True)
    assert [pts for pts, _ in rows] == list(frames) and missing == []


def test_a_loss_among_fields_is_one_if_it_was_reported():
    frames = [pts for pts in range(0, 40, 2) if pts != 20]
    rows, missing = run(range(40), frames, failures={23}, fields_apart=True)
    assert len(rows) == 20 and missing == []
    assert sum(frame is None for _, frame in rows) == 1


def test_a_frame_that_comes_late_after_damage_keeps_its_time():
    order, rows = DisplayOrder(), []
    for pts in (0, 3, 1, 2, 7, 5, 6):
        order.sent(pts, broken=pts == 2)
    for pts in (0, 1, 2, 5, 6, 3, 7):
        rows += order.decoded(pts, f"frame {pts}")
    rows += order.finished()[0]
    assert [(row.pts, row.frame) for row in rows] == [(i, f"frame {i}") for i in (0, 1, 2, 3, 5, 6, 7)]
