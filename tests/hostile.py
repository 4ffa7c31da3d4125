"""Hostile files for folders of covers: real formats, damaged or stretched, the same for a seed.

Some can be read all the same; what must hold of each is that it is read or has a typed reason.

python -m tests.hostile FOLDER COUNT [SEED]     writes them
"""

from __future__ import annotations

import re
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.covers import encoded

Random = np.random.Generator
Made = tuple[str, bytes]
"""The extension and the bytes of a file."""

EXTENSIONS = {
    "JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif", "BMP": "bmp", "TIFF": "tif",
    "AVIF": "avif", "JPEG2000": "jp2",
}  # fmt: skip
_START_OF_FRAME = re.compile(rb"\xff[\xc0\xc2]\x00\x11\x08")


@dataclass(frozen=True)
class HostileFile:
    """One file.

    Attributes:
        name: of the file, distinct in a set; its extension is one of an image's.
        kind: what is wrong with it.
        content: its bytes.
    """

    name: str
    kind: str
    content: bytes


KINDS: list[Callable[[Random], Made]] = []


def _kind(make: Callable[[Random], Made]) -> Callable[[Random], Made]:
    KINDS.append(make)
    return make


def hostile_files(count: int, seed: int = 0) -> Iterator[HostileFile]:
    """The first so many files of an endless row in which all kinds take turns.

    They are distinct but for the empty ones.
    """
    for number in range(count):
        make = KINDS[number % len(KINDS)]
        extension, content = make(np.random.default_rng((seed, number)))
        kind = make.__name__.strip("_")
        yield HostileFile(f"{number:05}-{kind}.{extension}", kind, content)


def scan_bomb(scans: int, side: int = 9000) -> bytes:
    """A progressive JPEG of some hundred bytes a scan, each of which passes over all its pixels."""
    picture = encoded(Image.new("L", (64, 64), 90), progressive=True, quality=50)
    content = bytearray(picture)
    frame = content.index(b"\xff\xc2")
    content[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    starts = [found.start() for found in re.finditer(rb"\xff\xda", content)]
    blocks = (-(-side // 8)) ** 2
    # Huffman table 0 for AC with one code, 0: a run of 2^14 blocks without coefficients, and more.
    table = b"\xff\xc4" + struct.pack(">HB", 20, 0x10) + b"\x01" + bytes(15) + b"\xe0"
    bits = "".join("0" + f"{2**14 - 1:014b}" for _ in range(-(-blocks // (2**15 - 1))))
    bits += "1" * (-len(bits) % 8)
    run = int(bits, 2).to_bytes(len(bits) // 8, "big").replace(b"\xff", b"\xff\x00")
    scan = b"\xff\xda" + struct.pack(">HBBBBBB", 8, 1, 1, 0, 1, 63, 0) + run
    return bytes(content[: starts[1]]) + table + scan * scans + b"\xff\xd9"


# What files are made of.


def _picture(random: Random, mode: str = "RGB", low: int = 40, high: int = 300) -> Image.Image:
    width, height = (int(side) for side in random.integers(low, high, 2))
    blocks = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
    picture = Image.fromarray(blocks).resize((width, height), Image.Resampling.BICUBIC)
    if mode.startswith("I") or mode == "F":
        grey = np.asarray(picture.convert("L"))
        scaled = grey.astype({"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]) * 257
        return Image.fromarray(scaled)
    if mode in ("RGBA", "LA"):
        picture.putalpha(picture.convert("L").rotate(90, expand=False))
        return picture.convert(mode)
    return picture.convert(mode)


def _any(random: Random, *kinds: str, **options: Any) -> Made:
    """A good file of one of these formats, of any if none is named."""
    kind = str(random.choice(kinds or [*EXTENSIONS]))
    return EXTENSIONS[kind], encoded(_picture(random), kind, **options)


def _png(header: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", header), *chunks, (b"IEND", b"")):
        checksum = struct.pack(">I", zlib.crc32(kind + data))
        content += struct.pack(">I", len(data)) + kind + data + checksum
    return content


def _chunks(content: bytes) -> list[tuple[bytes, bytes]]:
    found, place = [], 8
    while place + 8 <= len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        found.append((kind, content[place + 8 : place + 8 + length]))
        place += 12 + length
    return found


def _with_size(kind: str, content: bytes, width: int, height: int) -> bytes:
    """Another size in the header, the rest as it was."""
    changed = bytearray(content)
    place, layout, sizes = 0, "", (width, height)
    match kind:
        case "jpg":
            found = _START_OF_FRAME.search(content)
            place, layout, sizes = found.end() if found else 0, ">HH", (height, width)
        case "png":
            place, layout = 16, ">II"
        case "gif":
            place, layout = 6, "<HH"
        case "bmp":
            place, layout = 18, "<II"
        case "jp2":
            place, layout = content.index(b"ihdr") + 4, ">II"
        case "avif":
            place, layout = content.index(b"ispe") + 8, ">II"
    if layout:
        limit = 2 ** (16 if "H" in layout else 32) - 1
        struct.pack_into(layout, changed, place, *(min(side, limit) for side in sizes))
    if kind == "png":
        struct.pack_into(">I", changed, 29, zlib.crc32(changed[12:29]))
    return bytes(changed)


def _repeated(unit: bytes, total: int) -> bytes:
    """Compressed without ever holding what it expands to."""
    packer = zlib.compressobj(9)
    block = unit * max(1, 2**20 // len(unit))
    parts = [packer.compress(block) for _ in range(total // len(block))]
    return b"".join([*parts, packer.compress(block[: total % len(block)]), packer.flush()])


# Damaged on the way.


@_kind
def _bit_flips(random: Random) -> Made:
    extension, content = _any(random)
    changed = bytearray(content)
    for place in random.integers(len(changed), size=int(2 ** random.uniform(0, 8))):
        changed[place] ^= 1 << int(random.integers(8))
    return extension, bytes(changed)


@_kind
def _header_flips(random: Random) -> Made:
    extension, content = _any(random)
    changed = bytearray(content)
    for place in random.integers(4, min(len(changed), 700), size=int(random.integers(1, 6))):
        changed[place] = int(random.integers(256))
    return extension, bytes(changed)


@_kind
def _truncated(random: Random) -> Made:
    extension, content = _any(random)
    return extension, content[: int(random.integers(1, len(content)))]


@_kind
def _cut_out(random: Random) -> Made:
    extension, content = _any(random)
    start, end = sorted(int(place) for place in random.integers(2, len(content), 2))
    filling = bytes(end - start) if random.random() < 0.5 else b""
    return extension, content[:start] + filling + content[end:]


@_kind
def _spliced(random: Random) -> Made:
    (extension, first), (_, second) = _any(random), _any(random)
    return extension, first[: len(first) // 2] + second[len(second) // 2 :]


@_kind
def _progressive_without_all_scans(random: Random) -> Made:
    _, content = _any(random, "JPEG", progressive=True)
    scans = [found.start() for found in re.finditer(rb"\xff\xda", content)]
    keep = int(random.integers(len(scans)))
    end = b"\xff\xd9" if random.random() < 0.5 else b""
    return "jpg", content[: scans[keep] + int(random.integers(0, 30))] + end


# No images, or not the ones they seem.


@_kind
def _empty(random: Random) -> Made:
    return str(random.choice([*EXTENSIONS.values()])), b""


@_kind
def _noise(random: Random) -> Made:
    starts = [
        b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"II*\x00", b"MM\0+",
        b"RIFF\xff\xff\0\0WEBPVP8X", b"\0\0\0\x1cftypavif", b"\0\0\0\x0cjP  \r\n\x87\n",
        b"\xff\x4f\xff\x51", bytes(64), b"\xff\xd8" * 50,
    ]  # fmt: skip
    start = starts[int(random.integers(len(starts)))]
    return _any(random)[0], start + random.bytes(int(random.integers(1, 4000)))


@_kind
def _no_image(random: Random) -> Made:
    number = str(random.integers(2**32)).encode()
    picture = _picture(random)
    pages = [
        b"<!DOCTYPE html><html><body>404 " + number,
        b"<svg xmlns='http://www.w3.org/2000/svg' width='1000000' height='1000000'>" + number,
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99999 99999\n" + number,
        b"%PDF-1.7\n" + number,
        b'{"error": "' + number + b'"}',
        b"PK\x03\x04" + number,
        b"MZ\x90\0" + number,
        encoded(picture, "PPM"),
        encoded(picture, "ICO"),
        encoded(picture, "TGA"),
        encoded(picture, "PCX"),
        encoded(picture, "PDF"),
        encoded(picture, "EPS"),
    ]
    return _any(random)[0], pages[int(random.integers(len(pages)))]


@_kind
def _wrong_extension(random: Random) -> Made:
    extension, content = _any(random)
    return "png" if extension == "jpg" else "jpg", content


@_kind
def _polyglot(random: Random) -> Made:
    extension, content = _any(random)
    _, other = _any(random)
    return extension, [
        content + b"PK\x03\x04" + random.bytes(500) + b"PK\x05\x06" + bytes(18),
        content + other,
        b"<html><!--" + content + b"-->",
        b"%PDF-1.4\n" + content,
        b"\n" + content,
        content + random.bytes(3000),
        content + bytes(200_000),
    ][int(random.integers(7))]


# Larger than they look.


@_kind
def _huge_in_header(random: Random) -> Made:
    extension, content = _any(random, "JPEG", "PNG", "GIF", "BMP", "AVIF", "JPEG2000")
    sides = [0, 1, 15, 5000, 9999, 65500, 2**31 - 1, 2**32 - 1]
    width, height = random.choice(sides, 2)
    return extension, _with_size(extension, content, int(width), int(height))


@_kind
def _png_bomb(random: Random) -> Made:
    side = int(random.choice([1000, 4000, 8000, 20_000]))
    depth, colour = [(1, 0), (8, 3), (8, 0), (8, 2)][int(random.integers(4))]
    line = -(-side * depth * (3 if colour == 2 else 1) // 8) + 1
    header = struct.pack(">IIBBBBB", side, side, depth, colour, 0, 0, 0)
    palette = [(b"PLTE", random.bytes(768))] if colour == 3 else []
    full = int(random.choice([1, 1, 2, 3])) * line * side // int(random.choice([1, 2]))
    return "png", _png(header, *palette, (b"IDAT", _repeated(bytes(1), min(full, 2**28))))


@_kind
def _text_bomb(random: Random) -> Made:
    kind, start = [
        (b"zTXt", b"Comment\0\0"),
        (b"iTXt", b"Comment\0\1\0\0\0"),
        (b"iCCP", b"Profile\0\0"),
    ][int(random.integers(3))]
    header, *others = _chunks(_any(random, "PNG")[1])
    bomb = start + _repeated(b"a", int(2 ** random.uniform(16, 27)))
    return "png", _png(header[1], (kind, bomb), *(chunk for chunk in others if chunk[1]))


@_kind
def _long_and_thin(random: Random) -> Made:
    side = int(2 ** random.uniform(12, 18))
    thin = int(random.choice([1, 15, 16, 17, 300]))
    size = (side, thin) if random.random() < 0.5 else (thin, side)
    kind = str(random.choice(["PNG", "BMP", "TIFF"] + ["JPEG", "GIF"] * (side < 65_000)))
    return EXTENSIONS[kind], encoded(Image.new("L", size, int(random.integers(256))), kind)


@_kind
def _many_segments(random: Random) -> Made:
    _, content = _any(random, "JPEG")
    kind = int(random.choice([0xE1, 0xE2, 0xED, 0xFE]))
    length = int(2 ** random.uniform(1, 12))
    segment = bytes([0xFF, kind]) + struct.pack(">H", length + 2) + random.bytes(length)
    return "jpg", content[:2] + segment * int(random.integers(1, 400)) + content[2:]


@_kind
def _scans(random: Random) -> Made:
    return "jpg", scan_bomb(int(random.integers(1, 40)), int(random.integers(100, 3000)))


# As the formats allow, but rare.


@_kind
def _rare_mode(random: Random) -> Made:
    modes = {
        "PNG": ["1", "L", "P", "LA", "RGBA", "I;16"],
        "TIFF": ["1", "L", "P", "LA", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F"],
        "JPEG": ["L", "CMYK", "YCbCr"],
        "WEBP": ["RGBA", "LA"],
        "AVIF": ["RGBA", "L"],
        "JPEG2000": ["L", "LA", "RGBA", "I;16"],
        "GIF": ["1", "L", "P", "RGBA"],
        "BMP": ["1", "L", "P", "RGBA"],
    }
    kind = str(random.choice([*modes]))
    mode = str(random.choice(modes[kind]))
    options: dict[str, Any] = {}
    if mode == "P" and kind in ("PNG", "GIF"):
        several = bytes(random.integers(0, 256, 20, dtype=np.uint8))
        options["transparency"] = several if kind == "PNG" else int(random.integers(256))
    return EXTENSIONS[kind], encoded(_picture(random, mode), kind, **options)


@_kind
def _several_frames(random: Random) -> Made:
    kind = str(random.choice(["GIF", "PNG", "WEBP", "TIFF", "AVIF", "MPO"]))
    frames = [_picture(random, low=64, high=65) for _ in range(int(random.integers(2, 30)))]
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:])
    if random.random() < 0.5:
        content = content[: int(random.integers(len(content) // 2, len(content)))]
    return EXTENSIONS.get(kind, "mpo"), content


@_kind
def _exif(random: Random) -> Made:
    block = b"Exif\0\0" + [
        b"", b"junk", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff" + random.bytes(60),
        # A directory that is its own next one.
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\x08\0\0\0",
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0" + random.bytes(4) + bytes(4),
        b"II*\0\x08\0\0\0\x01\0\x12\x01\x05\0\xff\xff\xff\x7f\xff\xff\0\0", random.bytes(2000),
    ][int(random.integers(8))]  # fmt: skip
    kind = str(random.choice(["JPEG", "PNG", "WEBP", "AVIF"]))
    if kind == "AVIF" or random.random() < 0.4:
        exif = Image.Exif()
        exif[0x0112] = int(random.choice([*range(10), 65535]))
        block = exif.tobytes()
    return EXTENSIONS[kind], encoded(_picture(random), kind, exif=block)


@_kind
def _frame_of_another_kind(random: Random) -> Made:
    """A JPEG that says it is lossless, hierarchical, arithmetic, of 12 bits, of five parts ..."""
    content = bytearray(_any(random, "JPEG", progressive=bool(random.integers(2)))[1])
    found = _START_OF_FRAME.search(content)
    assert found is not None
    start = found.start()
    if random.random() < 0.5:
        content[start + 1] = int(random.choice([0xC1, 0xC3, 0xC5, 0xC7, *range(0xC9, 0xD0)]))
    else:
        place = start + int(random.choice([4, 9, 11, 12, 14, 15]))
        content[place] = int(random.choice([0, 1, 2, 4, 5, 12, 0x14, 0x31, 0x44, 0xFF]))
    return "jpg", bytes(content)


@_kind
def _png_put_together_wrongly(random: Random) -> Made:
    """Right checksums over fields that do not fit, chunks missing, twice or out of order."""
    mode = str(random.choice(["P", "RGB", "L", "RGBA"]))
    (_, first), *others = _chunks(encoded(_picture(random, mode), "PNG"))
    header = bytearray(first)
    if random.random() < 0.6:
        fields = ([1, 2, 4, 8, 16, 3], [0, 2, 3, 4, 6, 1], [0, 1], [0, 1], [0, 1, 2])
        header[8:13] = (int(random.choice(values)) for values in fields)
    extra = [
        (b"tRNS", random.bytes(int(random.integers(0, 300)))),
        (b"PLTE", random.bytes(int(random.integers(0, 900)))),
        (b"acTL", struct.pack(">II", 2**31 - 1, 0)),
        (b"fcTL", random.bytes(26)),
        (b"pHYs", random.bytes(3)),
        (b"gAMA", bytes(4)),
        (b"eXIf", random.bytes(40)),
    ]
    body = [chunk for chunk in others if chunk[0] != b"IEND" and random.random() < 0.9]
    for chunk in random.permutation(len(extra))[: int(random.integers(1, 4))]:
        body.insert(int(random.integers(len(body) + 1)), extra[chunk])
    return "png", _png(bytes(header), *body)


@_kind
def _tiff_put_together_wrongly(random: Random) -> Made:
    """Entries of its directory that do not fit the pixels or lie beyond the end."""
    compression = str(random.choice(["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits"]))
    content = bytearray(encoded(_picture(random), "TIFF", compression=compression))
    (directory,) = struct.unpack_from("<I", content, 4)
    (entries,) = struct.unpack_from("<H", content, directory)
    for entry in random.integers(entries, size=int(random.integers(1, 3))):
        place = directory + 2 + 12 * int(entry)
        value = int(random.choice([0, 1, 3, 8, 255, 65535, 2**31, 2**32 - 1]))
        if random.random() < 0.3:
            struct.pack_into("<H", content, place + 2, value & 0x1F)
        else:
            struct.pack_into("<I", content, place + int(random.choice([4, 8])), value)
    return "tif", bytes(content)


def main() -> None:
    """Write files into a folder."""
    folder, count, *seed = sys.argv[1:]
    Path(folder).mkdir(parents=True, exist_ok=True)
    for file in hostile_files(int(count), *map(int, seed)):
        (Path(folder) / file.name).write_bytes(file.content)


if __name__ == "__main__":
    main()
