"""What skelstream finds on this machine: what it would use, and what of it is broken."""

from skelstream.diagnosis.check import Check, State
from skelstream.diagnosis.diagnose import diagnose

__all__ = ["Check", "State", "diagnose"]
