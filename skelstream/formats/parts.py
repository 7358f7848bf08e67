"""Hands and faces in formats: conversion to the joint sets that a format holds, and lines about what is left out."""

from __future__ import annotations

from skelstream.formats.format import Sample, WriteOptions
from skelstream.sequences import SkeletonSequence
from skelstream.skeleton import Skeleton, skeleton_named

PARTS = {"left_hand": "left hand", "right_hand": "right hand", "face": "face"}
"""Words for the parts of a skeleton beside its body."""


def has_parts(skeleton: Skeleton) -> bool:
    """Return whether a joint set has hands or a face."""
    return bool(PARTS.keys() & skeleton.parts.keys())


def note_body_only(sample: Sample, format: str, options: WriteOptions, instead: str = "") -> None:
    """Note that a format of bodies leaves out the hands and faces of a sample.

    Args:
        sample: the sequence.
        format: name of the format.
        options: options of writing.
        instead: end of the line that says how to keep them.
    """
    parts = sample.sequence.skeleton.parts
    lost = [word for word, part in (("hands", "left_hand"), ("faces", "face")) if part in parts]
    if lost:
        options.note(
            f"{sample.name}: {' and '.join(lost)} are left out, since format {format} has joints of the body{instead}"
        )


def as_joint_set(sample: Sample, name: str, format: str, options: WriteOptions) -> SkeletonSequence:
    """Return a sequence in a joint set of the whole body, and note the points of faces that become fewer."""
    source, target = sample.sequence.skeleton, skeleton_named(name)
    have, get = (skeleton.parts.get("face", ()) for skeleton in (source, target))
    if len(have) > len(get) > 0:
        options.note(
            f"{sample.name}: format {format} has {len(get)} points of a face, which are made of {len(have)} points"
        )
    return sample.sequence.as_skeleton(name)
