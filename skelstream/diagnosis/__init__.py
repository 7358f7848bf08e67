"""Diagnosis of this machine: what skelstream would use here, and what is broken."""

from skelstream.diagnosis.check import Check, State
from skelstream.diagnosis.diagnose import diagnose

__all__ = ["Check", "State", "diagnose"]
