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


def note_body_only(sample: Sample, format: str, options: WriteOptions, kept_by: str | None = None) -> None:
    """Note that the hands and faces of a sample are left out.

    Args:
        sample: the sample.
        format: name of the format.
        options: options of writing.
        kept_by: joint set with which the format keeps them; None if it has joints of the body alone.
    """
    parts = sample.sequence.skeleton.parts
    lost = [word for word, part in (("hands", "left_hand"), ("faces", "face")) if part in parts]
    why = f"--skeleton {kept_by} keeps them" if kept_by else f"format {format} has joints of the body alone"
    if lost:
        options.note(f"{sample.name}: {' and '.join(lost)} are left out; {why}")


def as_joint_set(sample: Sample, name: str, format: str, options: WriteOptions) -> SkeletonSequence:
    """Return a sequence in a joint set of the whole body, and note the points of faces that become fewer."""
    source, target = sample.sequence.skeleton, skeleton_named(name)
    have, get = (skeleton.parts.get("face", ()) for skeleton in (source, target))
    if len(have) > len(get) > 0:
        options.note(
            f"{sample.name}: format {format} has {len(get)} points of a face, which are made of {len(have)} points"
        )
    return sample.sequence.as_skeleton(name)
