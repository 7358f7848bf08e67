from __future__ import annotations

import errno
import os
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path

import pytest

from skelstream.errors import OutputError
from skelstream.files.atomic import check_writable, replacing, replacing_folder
from skelstream.files.locks import claimed

KILLED = """
import os, signal, sys
from functools import partial
from pathlib import Path
from skelstream.files.atomic import replacing, replacing_folder
way = partial(replacing_folder, owns=lambda file: True) if sys.argv[2] == "folder" else replacing
with way(Path(sys.argv[1])) as temporary:
    ((temporary / "part") if temporary.is_dir() else temporary).write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path, kind):
    target = tmp_path / "out"
    subprocess.run([sys.executable, "-c", KILLED, str(target), kind], check=False)
    assert any(path.name.endswith(".tmp") for path in tmp_path.iterdir()) and not target.exists()
    (tmp_path / ".out.more.0123abcd.tmp").write_text("another target's")
    way = partial(replacing_folder, owns=lambda file: True) if kind == "folder" else replacing
    with way(target) as temporary:
        ((temporary / "all") if kind == "folder" else temporary).write_text("whole")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".out.more.0123abcd.tmp", "out"]


def test_an_error_leaves_the_old_file_and_no_trace(tmp_path):
    (tmp_path / "a").write_text("old")
    with pytest.raises(KeyError), replacing(tmp_path / "a") as temporary:
        temporary.write_text("new")
        raise KeyError
    assert [p.name for p in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_text() == "old"


def test_the_error_of_writing_is_reported_even_if_cleaning_up_fails(tmp_path, monkeypatch):
    """A file system that has become read-only refuses both."""

    def refuse(*_, **__):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    refused = pytest.raises(OutputError, match="cannot write .*: Read-only file system")
    with refused, replacing(tmp_path / "a") as temporary:
        temporary.write_text("new")
        monkeypatch.setattr(Path, "unlink", refuse)
        monkeypatch.setattr(os, "replace", refuse)


def test_two_threads_write_one_file_after_each_other(tmp_path):
    inside, most = 0, 0

    def write():
        nonlocal inside, most
        with replacing(tmp_path / "a") as temporary:
            inside += 1
            most = max(most, inside)
            temporary.write_text("x" * 100_000)
            inside -= 1

    threads = [threading.Thread(target=write) for _ in range(6)]
    [t.start() for t in threads], [t.join() for t in threads]
    assert most == 1 and [p.name for p in tmp_path.iterdir()] == ["a"]


def test_a_claim_ends_with_its_process(tmp_path):
    script = "import sys, time\nfrom pathlib import Path\nfrom skelstream.files.locks import claimed\n"
    script += "with claimed(Path(sys.argv[1]), wait=False) as ours:\n    print(ours, flush=True)\n    time.sleep(60)\n"
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "a")], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"True\n"
    with claimed(tmp_path / "a", wait=False) as ours:
        assert ours is False
    process.kill()
    process.wait()
    process.stdout.close()
    with claimed(tmp_path / "a", wait=False) as ours:
        assert ours
    assert list(tmp_path.iterdir()) == []


def test_an_unwritable_path_is_refused_before_writing(tmp_path):
    check_writable(tmp_path / "a", overwrite=False)
    assert list(tmp_path.iterdir()) == []
    for path, match in (
        (tmp_path / "no" / "a", "create it first"), (Path("/dev/null"), "not a regular file"),
        (tmp_path / "a\0b", "NUL"),
    ):  # fmt: skip
        with pytest.raises(OutputError, match=match):
            check_writable(path, overwrite=False)


def test_without_locks_only_its_own_leftovers_are_removed(tmp_path, monkeypatch):
    def none(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("skelstream.files.locks.fcntl.flock", none)
    others = tmp_path / ".a.0123abcd.tmp"
    others.write_text("another process may use it")
    with pytest.raises(KeyError), replacing(tmp_path / "a") as temporary:
        temporary.write_text("new")
        raise KeyError
    with replacing(tmp_path / "a") as temporary:
        temporary.write_text("new")
    assert sorted(p.name for p in tmp_path.iterdir()) == [others.name, "a"]
