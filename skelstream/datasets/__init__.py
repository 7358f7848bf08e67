"""Annotated image data sets: reading of their labels and pixels, shared by training and evaluation."""

from skelstream.datasets.coco import CocoFile, LabelledImage, read_coco
from skelstream.datasets.image import SetImage, may_be_turned, missing_images, read_set_image

__all__ = [
    "CocoFile",
    "LabelledImage",
    "SetImage",
    "may_be_turned",
    "missing_images",
    "read_coco",
    "read_set_image",
]
