import numpy as np
import pytest

from skelstream.geometry.similarity import iou, oks


def test_iou_of_known_boxes():
    boxes = np.array([[0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30], [3, 3, 3, 9]])
    expected = [[1, 1 / 3, 0, 0], [1 / 3, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert iou(boxes, boxes) == pytest.approx(np.array(expected))


def test_boxes_turned_inside_out_have_no_overlap():
    assert iou(np.array([[10, 10, 0, 0]]), np.array([[0, 0, 10, 10]])) == 0


def test_no_boxes_give_an_empty_table():
    assert iou(np.empty((0, 4)), np.zeros((3, 4))).shape == (0, 3)


def test_oks_is_cocos():
    sigmas, area = np.array([0.1, 0.05]), 400.0
    first = np.array([[[0, 0], [10, 10]]])
    second = np.array([[[3, 4], [10, 12]]])
    expected = (np.exp(-25 / (2 * area * 0.2**2)) + np.exp(-4 / (2 * area * 0.1**2))) / 2
    alike, common = oks(first, second, np.array([[area]]), sigmas)
    assert alike[0, 0] == pytest.approx(expected)
    assert common[0, 0] == 2


def test_oks_counts_common_joints_only():
    first = np.array([[[0, 0], [np.nan, np.nan]]])
    second = np.array([[[0, 0], [50, 50]], [[np.nan, np.nan], [50, 50]]])
    alike, common = oks(first, second, np.full((1, 2), 100.0), np.array([0.1, 0.1]))
    assert alike.tolist() == [[1, 0]]
    assert common.tolist() == [[1, 0]]


def test_variance_forgives_distance():
    first, second = np.zeros((1, 2, 2)), np.full((1, 2, 2), 10.0)
    sure, _ = oks(first, second, np.array([[100.0]]), np.array([0.1, 0.1]))
    unsure, _ = oks(first, second, np.array([[100.0]]), np.array([0.1, 0.1]), np.array([[100.0]]))
    assert sure[0, 0] < 0.01
    assert unsure[0, 0] > 0.3
