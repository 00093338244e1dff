"""Byte-level mutation of a file, without knowledge of what it is."""

from __future__ import annotations

import random

TOKENS = (
    *(
        b"\xff\xff\xff\xff",
        b"\0\0\0\0",
        b"\xfe\xff\x00\xe0",
        b"\xfe\xff\x0d\xe0",
        b"\xfe\xff\xdd\xe0",
    ),
    *(
        b"\x06\x30\x39\x00",
        b"\x06\x30\x50\x00",
        b"\xe0\x7f\x10\x00",
        b"SQ",
        b"UN\0\0",
        b"nan",
        b"\\",
    ),
    *(
        b"1e999",
        b"-",
        b",",
        b"\x1b$B",
        b"\x80",
        b"\x7f\xff",
        b"\0\0\0\x80",
        b"OB\0\0\xff\xff\xff\xff",
    ),
)


def mangle(data: bytes, seed: int) -> bytes:
    """One to eight changes at places drawn from a seed: flip, set, delete, copy, insert, cut."""
    draw = random.Random(seed)
    content = bytearray(data)
    for _ in range(draw.choice([1, 1, 1, 2, 3, 8])):
        if not content:
            break
        at, length = draw.randrange(len(content)), draw.choice([1, 1, 2, 4, 8, 40])
        kind = draw.randrange(7)
        if kind == 0:
            content[at] ^= 1 << draw.randrange(8)
        elif kind == 1:
            content[at] = draw.randrange(256)
        elif kind == 2:
            del content[at : at + length]
        elif kind == 3:
            source = draw.randrange(len(content))
            content[at : at + length] = content[source : source + length]
        elif kind == 4:
            content[at:at] = draw.choice(TOKENS)
        elif kind == 5:
            token = draw.choice(TOKENS)
            content[at : at + len(token)] = token
        elif draw.random() < 0.2:
            del content[at:]
    return bytes(content)
