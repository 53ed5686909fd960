#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes packed bodies and what Python's zlib makes of them, a byte at a time, to standard output.

    python3 Tests/oracles/inflate.py > Tests/HTTPTests/Fixtures/inflate.txt

Each line: the name, gzip or deflate, the verdict, the packed bytes and what they unpack to, in hexadecimal ("-" for
none). The verdict is "whole"; "cut", where the stream does not end; or "bad:N", where byte N is the first that fits
no stream or is behind its end.
"""
import gzip
import json
import random
import struct
import zlib

random.seed(20260301)
WINDOW = {"gzip": 31, "deflate": 15}


def pack(data, encoding, level=6, strategy=zlib.Z_DEFAULT_STRATEGY, window=None, flush=None):
    packer = zlib.compressobj(level, zlib.DEFLATED, window or WINDOW[encoding], 8, strategy)
    if flush is None:
        return packer.compress(data) + packer.flush()
    half = len(data) // 2
    return packer.compress(data[:half]) + packer.flush(flush) + packer.compress(data[half:]) + packer.flush()


def judge(packed, encoding):
    unpacker = zlib.decompressobj(WINDOW[encoding])
    body = b""
    for index in range(len(packed)):
        if unpacker.eof:
            return f"bad:{index}", b""
        try:
            body += unpacker.decompress(packed[index:index + 1])
        except zlib.error:
            return f"bad:{index}", b""
    return ("whole", body) if unpacker.eof or not packed else ("cut", b"")


def header(flags, extra=b""):
    return bytes([31, 139, 8, flags]) + b"\0\0\0\0\0\xff" + extra


def cases():
    rows = json.dumps({"instances": [{"carat": n / 8, "cut": "Ideal", "x": n * 1.25} for n in range(40)]}).encode()
    noise = random.randbytes(300)
    for encoding in ("gzip", "deflate"):
        for name, data in (("none", b""), ("one", b"a"), ("rows", rows), ("zeros", bytes(3000)), ("noise", noise)):
            yield f"{name}", encoding, pack(data, encoding)
        for level in (0, 1, 9):
            yield f"level-{level}", encoding, pack(rows, encoding, level)
        for strategy in (zlib.Z_FILTERED, zlib.Z_HUFFMAN_ONLY, zlib.Z_RLE, zlib.Z_FIXED):
            yield f"strategy-{strategy}", encoding, pack(rows, encoding, strategy=strategy)
        for flush in (zlib.Z_SYNC_FLUSH, zlib.Z_FULL_FLUSH):
            yield f"flush-{flush}", encoding, pack(rows, encoding, flush=flush)
        small = pack(rows[:120], encoding)
        yield "twice", encoding, small * 2
        yield "behind", encoding, small + b"\0"
        yield "nothing", encoding, b""
        for cut in range(0, len(small), 7):
            yield f"cut-{cut}", encoding, small[:cut]
        for count in range(60):
            changed = bytearray(small)
            for _ in range(random.choice((1, 1, 2))):
                changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
            yield f"flipped-{count}", encoding, bytes(changed)
    raw = pack(rows[:120], "deflate", window=-15)
    end = struct.pack("<II", zlib.crc32(rows[:120]), 120)
    yield "raw", "deflate", raw
    yield "raw", "gzip", raw
    yield "gzip", "deflate", gzip.compress(b"hello", mtime=0)
    yield "zlib", "gzip", zlib.compress(b"hello")
    yield "dictionary", "deflate", zlib.compressobj(zdict=b"hello").compress(b"") + b"\x78\xbb\0\0\0\0\0"
    for window in (9, 12):
        yield f"window-{window}", "deflate", pack(rows, "deflate", window=window)
    yield "method", "gzip", bytes([31, 139, 7]) + small[3:]
    yield "named", "gzip", header(8, b"body.json\0") + raw + end
    yield "extra", "gzip", header(4, b"\3\0abc") + raw + end
    yield "comment", "gzip", header(16, b"no\0") + raw + end
    checked = header(2)
    yield "checked", "gzip", checked + struct.pack("<H", zlib.crc32(checked) & 0xFFFF) + raw + end
    yield "wrongly-checked", "gzip", checked + b"\0\0" + raw + end
    yield "reserved", "gzip", header(0x20) + raw + end
    yield "wrong-sum", "gzip", header(0) + raw + struct.pack("<II", 1, 120)
    yield "wrong-length", "gzip", header(0) + raw + struct.pack("<II", zlib.crc32(rows[:120]), 121)


for name, encoding, packed in cases():
    verdict, body = judge(packed, encoding)
    print(name, encoding, verdict, packed.hex() or "-", body.hex() or "-")
