import numpy as np
from scipy.spatial.transform import Rotation

from skelstream.evaluation.lifting import aligned, mpjpe, pa_mpjpe

RANDOM = np.random.default_rng(5)


def test_a_pose_that_was_moved_turned_and_scaled_is_the_same_shape():
    true = RANDOM.normal(size=(4, 17, 3))
    turn = Rotation.random(random_state=1).as_matrix()
    found = 0.3 * true @ turn.T + [1, 2, 3]
    np.testing.assert_allclose(pa_mpjpe(found, true), 0, atol=1e-12)
    np.testing.assert_allclose(aligned(found, true), true, atol=1e-12)
    assert (mpjpe(found, true) > 1).all()


def test_a_mirror_image_is_another_shape():
    true = RANDOM.normal(size=(3, 17, 3))
    assert (pa_mpjpe(true * [-1, 1, 1], true) > 0.1).all()


def test_the_mean_is_over_joints():
    true = np.zeros((1, 4, 3))
    found = true.copy()
    found[0, 0] = [3, 4, 0]
    assert mpjpe(found, true).tolist() == [1.25]
