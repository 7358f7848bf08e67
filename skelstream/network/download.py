"""Resumable downloads, checked by their SHA-256."""

from __future__ import annotations

import hashlib
import http.client
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

from skelstream.errors import ModelError, OutputError

_CHUNK = 1 << 20
_TIMEOUT = 30.0


def fetch(
    url: str, sha256: str, path: Path, report: Callable[[int, int | None], None] = lambda done, total: None
) -> None:
    """Download a file; it appears under its name complete and checked, or not at all.

    The part that arrived before a transfer broke off stays beside ``path``; the next call requests only the
    rest.

    Args:
        url: http or https address.
        sha256: SHA-256 of the whole file, 64 hexadecimal digits.
        path: path of the file; an existing file is replaced.
        report: function called with the number of bytes received and the total, None if the server does not
            say.

    Raises:
        ModelError: the URL cannot be read, the transfer broke off, or the file has another SHA-256.
        OutputError: the file cannot be written.
    """
    sha256 = sha256.lower()
    if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
        raise ModelError(f"{sha256!r} is not a SHA-256, which is 64 hexadecimal digits")
    if not url.lower().startswith(("http://", "https://")):
        raise ModelError(f"{url}: not an http or https address")
    if not path.parent.is_dir():
        raise OutputError(f"cannot write {path}: the folder {path.parent} does not exist; create it first")
    # The name contains the hash, so that the rest of one file is never appended to the start of another.
    partial = path.with_name(f"{path.name}.{sha256[:8]}.part")
    try:
        _download(url, partial, report)
        with partial.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != sha256:
            partial.unlink()
            raise ModelError(f"{url}: the file there has SHA-256 {found}, not {sha256}; nothing was kept")
        partial.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from None


def _download(url: str, partial: Path, report: Callable[[int, int | None], None]) -> None:
    """Complete the partial file, starting from its present size."""
    done = partial.stat().st_size if partial.exists() else 0
    headers = {"User-Agent": "skelstream", "Accept-Encoding": "identity"}
    if done:
        headers["Range"] = f"bytes={done}-"
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
            return  # the file is already complete; the hash is checked by the caller
        raise ModelError(f"{url}: the server answers {error.code} {error.reason}") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise ModelError(f"{url}: cannot be reached ({getattr(error, 'reason', error)})") from None
    with response:
        resumes = response.headers.get("Content-Range", "").startswith(f"bytes {done}-")
        if not (response.status == http.client.PARTIAL_CONTENT and resumes):
            done = 0
        length = response.headers.get("Content-Length")
        total = done + int(length) if length else None
        with partial.open("ab" if done else "wb") as file:
            report(done, total)
            while chunk := _read(response):
                file.write(chunk)
                done += len(chunk)
                report(done, total)
    if total is not None and done < total:
        raise ModelError(
            f"{url}: broke off after {done} of {total} bytes; run the same command again to resume"
        )


def _read(response: http.client.HTTPResponse) -> bytes:
    """Return the next bytes; empty at the end and when the connection breaks."""
    try:
        return response.read1(_CHUNK)
    except (OSError, http.client.HTTPException):
        return b""
