"""What is made of a finished sequence: filled, smoothed, resampled, normalised. Each leaves its input as it is."""

from skelstream.processing.filling import filled
from skelstream.processing.identities import tracked
from skelstream.processing.normalising import centred_on_torso, relative_to_image, scaled_by_torso
from skelstream.processing.one_euro import OneEuro
from skelstream.processing.ordering import acting_first
from skelstream.processing.postprocessing import postprocess
from skelstream.processing.resampling import resampled
from skelstream.processing.smoothing import smoothed

__all__ = [
    "postprocess",
    "OneEuro",
    "acting_first",
    "centred_on_torso",
    "filled",
    "relative_to_image",
    "resampled",
    "scaled_by_torso",
    "smoothed",
    "tracked",
]
