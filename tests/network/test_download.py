"""Downloads: resumed after a break, refused if wrong, never half there."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from skelstream.errors import ModelError, OutputError
from skelstream.network.download import fetch

CONTENT = bytes(range(256)) * 9000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@dataclass
class Server:
    """A server of one file on the loopback; it can break transfers off and forget about ranges."""

    url: str = ""
    content: bytes = CONTENT
    break_after: int | None = None
    ranges: bool = True
    asked: list[str | None] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = self.headers.get("Range")
            state.asked.append(asked)
            if self.path != "/model.bin":
                self.send_error(404)
                return
            start = int(asked.removeprefix("bytes=").rstrip("-")) if asked and state.ranges else 0
            if start >= len(state.content):
                self.send_error(416)
                return
            body = state.content[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            if start:
                self.send_header(
                    "Content-Range", f"bytes {start}-{len(state.content) - 1}/{len(state.content)}"
                )
            self.end_headers()
            self.wfile.write(body[: state.break_after])

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    state.url = f"http://127.0.0.1:{http.server_port}/model.bin"
    yield state
    http.shutdown()
    thread.join()
    http.server_close()


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_download_appears_whole_and_is_reported(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    fetch(server.url, SHA256.upper(), tmp_path / "m", lambda done, total: seen.append((done, total)))
    assert (tmp_path / "m").read_bytes() == CONTENT
    assert seen[0] == (0, len(CONTENT)) and seen[-1] == (len(CONTENT), len(CONTENT))
    assert files(tmp_path) == ["m"]


def test_a_broken_transfer_goes_on_where_it_stood(server: Server, tmp_path: Path) -> None:
    server.break_after = 1_000_000
    with pytest.raises(
        ModelError, match=f"broke off after 1000000 of {len(CONTENT)} bytes; run the same command again"
    ):
        fetch(server.url, SHA256, tmp_path / "m")
    assert files(tmp_path) == [f"m.{SHA256[:8]}.part"]
    server.break_after = 700_000
    with pytest.raises(ModelError, match=f"broke off after 1700000 of {len(CONTENT)} bytes"):
        fetch(server.url, SHA256, tmp_path / "m")
    server.break_after = None
    seen: list[tuple[int, int | None]] = []
    fetch(server.url, SHA256, tmp_path / "m", lambda done, total: seen.append((done, total)))
    assert server.asked == [None, "bytes=1000000-", "bytes=1700000-"]
    assert seen[0] == (1_700_000, len(CONTENT))
    assert (tmp_path / "m").read_bytes() == CONTENT
    assert files(tmp_path) == ["m"]


def test_a_server_without_ranges_sends_all_again(server: Server, tmp_path: Path) -> None:
    server.break_after, server.ranges = 1_000_000, False
    with pytest.raises(ModelError, match="broke off"):
        fetch(server.url, SHA256, tmp_path / "m")
    server.break_after = None
    fetch(server.url, SHA256, tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == CONTENT


def test_a_part_that_was_complete_is_only_checked(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"m.{SHA256[:8]}.part").write_bytes(CONTENT)
    fetch(server.url, SHA256, tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == CONTENT
    assert server.asked == [f"bytes={len(CONTENT)}-"]


def test_a_wrong_file_leaves_the_old_one_and_no_trace(server: Server, tmp_path: Path) -> None:
    (tmp_path / "m").write_text("old")
    server.content = CONTENT[:-1] + b"!"
    found = hashlib.sha256(server.content).hexdigest()
    with pytest.raises(ModelError, match=f"has SHA-256 {found}, not {SHA256}; nothing was kept"):
        fetch(server.url, SHA256, tmp_path / "m")
    assert files(tmp_path) == ["m"] and (tmp_path / "m").read_text() == "old"
    server.content = CONTENT
    fetch(server.url, SHA256, tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == CONTENT


def test_a_part_that_was_damaged_is_thrown_away(server: Server, tmp_path: Path) -> None:
    (tmp_path / f"m.{SHA256[:8]}.part").write_bytes(b"x" * 1000)
    with pytest.raises(ModelError, match="nothing was kept"):
        fetch(server.url, SHA256, tmp_path / "m")
    fetch(server.url, SHA256, tmp_path / "m")
    assert (tmp_path / "m").read_bytes() == CONTENT


def test_what_cannot_be_fetched_is_named(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="404 Not Found"):
        fetch(server.url + "x", SHA256, tmp_path / "m")
    with pytest.raises(ModelError, match="not a SHA-256"):
        fetch(server.url, "abc", tmp_path / "m")
    with pytest.raises(ModelError, match="not an http or https address"):
        fetch("file:///etc/hostname", SHA256, tmp_path / "m")
    with pytest.raises(ModelError, match="cannot be reached"):
        fetch("http://127.0.0.1:1/model.bin", SHA256, tmp_path / "m")
    with pytest.raises(OutputError, match="cannot write"):
        fetch(server.url, SHA256, tmp_path / "missing" / "m")
    assert server.asked == [None]
    assert files(tmp_path) == []
