"""Processing of finished sequences: filling, smoothing, resampling, normalising. Inputs do not change."""

from skelstream.processing.filling import filled
from skelstream.processing.identities import exchanges, tracked_again, with_identities
from skelstream.processing.normalising import centred_on_torso, relative_to_image, scaled_by_torso
from skelstream.processing.one_euro import OneEuro
from skelstream.processing.ordering import main_person_first
from skelstream.processing.postprocessing import postprocess
from skelstream.processing.resampling import resampled
from skelstream.processing.smoothing import smoothed

__all__ = [
    "OneEuro",
    "centred_on_torso",
    "exchanges",
    "filled",
    "main_person_first",
    "postprocess",
    "relative_to_image",
    "resampled",
    "scaled_by_torso",
    "smoothed",
    "tracked_again",
    "with_identities",
]
