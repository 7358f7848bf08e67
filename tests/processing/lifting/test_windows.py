import torch

from skelstream.processing.lifting.windows import relative_to_image, relative_to_window


def test_position_and_size_of_a_person_do_not_matter():
    keypoints = torch.randn(2, 27, 17, 2, generator=torch.Generator().manual_seed(0))
    keypoints[0, :5, 3] = torch.nan
    moved = keypoints * 40 + torch.tensor([300.0, 20.0])
    torch.testing.assert_close(relative_to_window(moved), relative_to_window(keypoints), atol=1e-4, rtol=1e-4)


def test_walking_does_not_change_the_spread():
    still = torch.randn(1, 1, 17, 2).repeat(1, 27, 1, 1)
    walking = still + torch.arange(27.0)[None, :, None, None]
    first, second = relative_to_window(still), relative_to_window(walking)
    spread = [(x[..., :2] - x[..., :2].mean(2, keepdim=True)).std() for x in (first, second)]
    torch.testing.assert_close(*spread)


def test_missing_joints_are_zeros_with_presence_0():
    keypoints = torch.rand(1, 3, 17, 2)
    keypoints[0, 1, 4] = torch.nan
    found = relative_to_window(keypoints)
    assert found[0, 1, 4].tolist() == [0, 0, 0]
    assert (found[..., 2].sum(), found.isfinite().all()) == (50, True)
    assert relative_to_window(torch.full((1, 3, 17, 2), torch.nan)).abs().sum() == 0


def test_positions_relative_to_the_image():
    corners = torch.tensor([[0.0, 0.0], [200.0, 100.0]]).view(1, 1, 2, 2)
    assert relative_to_image(corners, (100, 200))[0, 0].tolist() == [[-1, -0.5], [1, 0.5]]


def test_missing_joints_are_filled_from_other_frames():
    keypoints = torch.tensor([[10.0, 20.0], [30.0, 40.0], [0.0, 0.0]]).repeat(1, 4, 1, 1)
    keypoints[0, :, 1] += torch.arange(4.0)[:, None]
    keypoints[0, 2, 1] = keypoints[0, 0, 1] = torch.nan
    keypoints[0, :, 2] = torch.nan
    found = (relative_to_image(keypoints, (200, 200)) + 1) * 100
    torch.testing.assert_close(found[0, :, 1, 0], torch.tensor([31.0, 31.0, 31.0, 33.0]))
    # A joint missing in all frames is at the mean of the observed ones.
    seen = keypoints[0][keypoints[0].isfinite().all(-1)]
    torch.testing.assert_close(found[0, :, 2], seen.mean(0).expand(4, 2))
    assert relative_to_image(torch.full((1, 3, 17, 2), torch.nan), (9, 9)).isfinite().all()
