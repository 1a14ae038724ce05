"""A text file in blocks of whole lines, unpacked and decoded: UTF-8 with line feeds.

gzip is unpacked, UTF-16 and UTF-32 with a byte order mark become UTF-8, line breaks of other
systems become line feeds, and byte order marks, which are no letters, go, wherever they stand.
Nothing holds more than a block and its longest line.
"""

from __future__ import annotations

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from typing import BinaryIO, cast

from mpc_sim.errors import InputError

BLOCK_BYTES = 1 << 20
MOST_LINE_BYTES = 2**25
"""A packed file of some kilobytes may hold a line of gigabytes."""
GZIP, MARK = b"\x1f\x8b", "\ufeff".encode()
WIDE = (  # the mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def text_blocks(stream: BinaryIO, name: str, block_bytes: int = BLOCK_BYTES) -> Iterator[bytes]:
    """Yield blocks of whole lines, each ended by a line feed.

    Raises
    ------
    InputError
        The bytes are no text, or a damaged gzip file; the message names the file and the byte.
    """
    waiting, done = bytearray(), 0
    for piece in _pieces(stream, name, block_bytes):
        cut = 1 + max(waiting.rfind(b"\n"), waiting.rfind(b"\r", 0, max(len(waiting) - 1, 0)))
        if cut:
            yield _lines(bytes(waiting[:cut]), name, done)
            del waiting[:cut]
            done += cut
        waiting += piece
        if len(waiting) > MOST_LINE_BYTES:
            raise InputError(
                f"{name} has a line of more than {MOST_LINE_BYTES >> 20} MiB; break it"
            )
    if waiting:
        ended = waiting.endswith((b"\n", b"\r"))
        yield _lines(bytes(waiting) + b"\n" * (not ended), name, done)


def _pieces(stream: BinaryIO, name: str, block_bytes: int) -> Iterator[bytes]:
    source = stream if hasattr(stream, "peek") else io.BufferedReader(cast(io.RawIOBase, stream))
    head = source.peek(4)[:4]
    try:
        if head.startswith(GZIP):
            yield from _pieces(cast(BinaryIO, gzip.GzipFile(fileobj=source)), name, block_bytes)
            return
        for mark, encoding in WIDE:
            if head.startswith(mark):
                text = io.TextIOWrapper(source, encoding, newline="")
                try:
                    while letters := text.read(block_bytes // 4):
                        yield letters.encode()
                finally:
                    text.detach()  # or it would close what the caller opened
                return
        while piece := source.read(block_bytes):
            yield piece
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{name} is a damaged gzip file: {error}; make it anew") from None
    except UnicodeError as error:
        raise InputError(f"{name} is damaged UTF-16 or UTF-32: {error}; write UTF-8") from None


def _lines(block: bytes, name: str, before: int) -> bytes:
    if (at := block.find(b"\0")) >= 0:
        raise InputError(f"{name} is no text: byte {before + at} is 0; give a text file in UTF-8")
    if not block.isascii():
        try:
            block.decode()
        except UnicodeDecodeError as error:
            raise InputError(
                f"{name} is no UTF-8 text: byte {before + error.start} is damaged; write it in "
                "UTF-8"
            ) from None
        block = block.replace(MARK, b"")
    return block.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
