"""Pictures into the network's input and places back to the picture."""

from __future__ import annotations

import numpy as np
import pytest

from skelstream.network.fitting import fit_image


@pytest.mark.parametrize(
    "size", [(48, 64), (64, 48), (47, 101), (1, 300), (300, 1), (416, 416), (1080, 1920)]
)
@pytest.mark.parametrize("multiple", [8, 32])
def test_input_has_the_long_side_and_fits_the_network(size: tuple[int, int], multiple: int) -> None:
    image = np.zeros((*size, 3), np.uint8)
    fitted, fit = fit_image(image, 416, multiple)
    h, w = fitted.shape[:2]
    assert fitted.dtype == np.uint8 and fitted.flags.c_contiguous
    assert max(h, w) == 416 and h % multiple == 0 and w % multiple == 0
    scaled_h, scaled_w = round(size[0] / fit.scale_y), round(size[1] / fit.scale_x)
    assert 0 <= h - scaled_h < multiple and 0 <= w - scaled_w < multiple
    assert (fitted[scaled_h:] == 128).all() and (fitted[:, scaled_w:] == 128).all()


@pytest.mark.parametrize("long_side", [96, 192, 384, 500])
def test_a_place_comes_back_to_where_it_was(long_side: int) -> None:
    image = np.zeros((120, 192, 3), np.uint8)
    image[40:61, 100:113] = 255  # centre (106, 50)
    fitted, fit = fit_image(image, long_side, 32)
    weight = fitted[..., 0] * (np.indices(fitted.shape[:2])[1] < round(192 / fit.scale_x))
    weight = weight * (np.indices(fitted.shape[:2])[0] < round(120 / fit.scale_y))
    y, x = (float((weight * axis).sum() / weight.sum()) for axis in np.indices(fitted.shape[:2]))
    assert (x + 0.5) * fit.scale_x - 0.5 == pytest.approx(106, abs=0.1)
    assert (y + 0.5) * fit.scale_y - 0.5 == pytest.approx(50, abs=0.1)


def test_a_picture_that_fits_is_left_as_it_is() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 96, 3), np.uint8)
    fitted, fit = fit_image(image, 96, 32)
    assert np.array_equal(fitted, image)
    assert fit.per_cell(4) == (4, 4)
