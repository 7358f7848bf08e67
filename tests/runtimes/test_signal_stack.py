from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

from skelstream.runtimes.signal_stack import _Stack, kept_signal_stack

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux asks for it")


def current() -> tuple[int | None, int, int]:
    stack = _Stack()
    ctypes.CDLL(None).sigaltstack(None, ctypes.byref(stack))
    return stack.sp, stack.flags, stack.size


def test_another_stack_is_taken_away_again():
    before, memory = current(), ctypes.create_string_buffer(1 << 16)
    with kept_signal_stack():
        assert not ctypes.CDLL(None).sigaltstack(
            ctypes.byref(_Stack(ctypes.addressof(memory), 0, len(memory))), None
        )
        assert current()[0] == ctypes.addressof(memory)
    assert current() == before


def test_openvino_leaves_none_behind():
    """In a process that has none: what OpenVINO sets up is too small where a thread has used AMX."""
    pytest.importorskip("openvino")
    program = """
from skelstream.network.top_down import TopDownNetwork
from skelstream.runtimes.openvino import OpenVinoRuntime
import ctypes
from skelstream.runtimes.signal_stack import _Stack
OpenVinoRuntime(TopDownNetwork().eval())
stack = _Stack()
ctypes.CDLL(None).sigaltstack(None, ctypes.byref(stack))
print(stack.sp, stack.size)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout) == (0, "None 0\n"), done.stderr
