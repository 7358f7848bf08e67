"""All checks, in the order of the report."""

from __future__ import annotations

from collections.abc import Iterator

from skelstream.diagnosis.accelerators import devices
from skelstream.diagnosis.cache import cache
from skelstream.diagnosis.check import Check
from skelstream.diagnosis.codecs import codecs
from skelstream.diagnosis.runtimes import runtimes
from skelstream.diagnosis.terminal import terminal
from skelstream.diagnosis.versions import versions
from skelstream.diagnosis.weights import weights


def diagnose() -> Iterator[Check]:
    """Run all checks, which takes some seconds; yield each result as soon as it is known.

    Checks import what they need inside: a module that cannot be imported is a result and does not end the
    diagnosis.
    """
    for area in (versions, devices, weights, runtimes, cache, codecs, terminal):
        yield from area()
