"""All checks, in the order in which a reader needs them."""

from __future__ import annotations

from collections.abc import Iterator

from skelstream.diagnosis.accelerators import devices
from skelstream.diagnosis.check import Check
from skelstream.diagnosis.codecs import codecs
from skelstream.diagnosis.runtimes import runtimes
from skelstream.diagnosis.terminal import terminal
from skelstream.diagnosis.versions import versions
from skelstream.diagnosis.weights import weights


def diagnose() -> Iterator[Check]:
    """Looks at everything, which takes some seconds; each answer comes as soon as it is known.

    What a check needs of the library is imported inside the check: a module that cannot be imported is an answer, not an
    end.
    """
    for area in (versions, devices, weights, runtimes, codecs, terminal):
        yield from area()
