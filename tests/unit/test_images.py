"""The decoder and resizer: every file gives the right pixels or a typed reason, nothing else."""

from __future__ import annotations

import io
import resource
import struct
import zlib
from collections.abc import Callable

import numpy as np
import pytest
import simplejpeg
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngImageFile

from covergenre import images
from covergenre.errors import ImageError
from covergenre.images import Limits, Pixels
from tests.covers import drawn, encoded, noise

ORIENTATION = 0x0112
HTML = b"<!DOCTYPE html>\n<html><body>404 Not Found</body></html>"


def _png(header: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG made by hand: the content of its IHDR, then (type, content) of other chunks."""
    content = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", header), *chunks, (b"IEND", b"")):
        content += struct.pack(">I", len(data)) + kind + data
        content += struct.pack(">I", zlib.crc32(kind + data))
    return content


def _png_of_size(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return _png(header, (b"IDAT", zlib.compress(bytes(1000))))


def _blocks(seed: int = 0, width: int = 48, height: int = 32) -> Image.Image:
    """Plain 8x8 blocks of random colours, which JPEG keeps nearly as they are."""
    rng = np.random.default_rng(seed)
    small = rng.integers(40, 216, (height // 8, width // 8, 3), dtype=np.uint8)
    return Image.fromarray(small.repeat(8, axis=0).repeat(8, axis=1))


def _gap(a: Pixels, b: Pixels) -> int:
    """Largest difference of two pictures."""
    assert a.shape == b.shape
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def _reason(content: bytes, limits: Limits | None = None) -> str:
    """Why a file is refused, by both ways into the module."""
    with pytest.raises(ImageError) as inspected:
        images.inspect(content, limits)
    with pytest.raises(ImageError) as decoded:
        images.decode(content, limits=limits)
    assert inspected.value.reason == decoded.value.reason
    assert decoded.value.reason in images.REASONS
    assert 0 < len(decoded.value.detail) <= 200
    return decoded.value.reason


# What is refused, and why.


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty_file"),
        (HTML, "not_an_image"),
        (b"\x00" * 64, "not_an_image"),
        (b"\xff\xd8\xff", "not_an_image"),
        (b"\xff\xd8\xff\xe0" + b"\x00" * 200, "not_an_image"),
        (b"\x89PNG\r\n\x1a\n", "not_an_image"),
        (b"GIF89a", "not_an_image"),
        (b"%PDF-1.4 cover", "not_an_image"),
        (encoded(_blocks(), "ICO"), "not_an_image"),
        (noise(1)[:-600], "truncated"),
        (encoded(_blocks(), "PNG")[:-40], "truncated"),
        (encoded(_blocks(), "GIF")[:-60], "truncated"),
        (encoded(_blocks(), "BMP")[:-100], "truncated"),
        (encoded(Image.new("RGB", (1, 1))), "too_small"),
        (encoded(Image.new("RGB", (1, 1)), "PNG"), "too_small"),
        (encoded(Image.new("RGB", (400, 15))), "too_small"),
        (_png_of_size(15, 400), "too_small"),
    ],
)
def test_bad_file_has_its_reason(content: bytes, reason: str) -> None:
    assert _reason(content) == reason


def test_html_is_called_so() -> None:
    for page in (HTML, b"\n  <html lang=en>", b"<HTML>"):
        with pytest.raises(ImageError, match="HTML page"):
            images.decode(page)


def test_corrupt_pixels_are_told_from_missing_ones() -> None:
    header = struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)
    assert _reason(_png(header, (b"IDAT", b"\x78\x9c" + b"\xff" * 400))) == "corrupt"


def _declared_huge() -> list[bytes]:
    """Small files whose headers tell of billions of pixels."""
    gif, bmp, jpeg = (bytearray(encoded(_blocks(), kind)) for kind in ("GIF", "BMP", "JPEG"))
    gif[6:10] = struct.pack("<HH", 65535, 65535)
    bmp[18:26] = struct.pack("<ii", 60000, 60000)
    frame = jpeg.index(b"\xff\xc0")
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", 65500, 65500)
    pngs = [_png_of_size(100_000, 100_000), _png_of_size(2**31 - 1, 2**31 - 1)]
    return [*pngs, bytes(gif), bytes(bmp), bytes(jpeg)]


@pytest.mark.parametrize("content", _declared_huge())
def test_bomb_is_refused_before_memory_is_taken(content: bytes) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert _reason(content) == "too_many_pixels"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


def test_compressed_text_is_not_unpacked_without_end() -> None:
    header = struct.pack(">IIBBBBB", 32, 32, 8, 0, 0, 0, 0)
    bomb = b"Comment\x00\x00" + zlib.compress(bytes(200_000_000), 1)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert _reason(_png(header, (b"zTXt", bomb))) in ("not_an_image", "corrupt")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 * 1024


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_limits_are_inclusive(kind: str) -> None:
    content = encoded(_blocks(width=48, height=32), kind)
    exact = Limits(max_bytes=len(content), max_pixels=48 * 32, min_side=32)
    assert images.decode(content, limits=exact).shape == (32, 48, 3)
    assert images.inspect(content, exact).width == 48
    assert _reason(content, Limits(max_bytes=len(content) - 1)) == "too_many_bytes"
    assert _reason(content, Limits(max_pixels=48 * 32 - 1)) == "too_many_pixels"
    assert _reason(content, Limits(min_side=33)) == "too_small"


# What is accepted, and the pixels it gives.


def test_jpeg_of_64_megapixels_is_decoded_at_an_eighth() -> None:
    picture = Image.new("RGB", (8000, 8000), (200, 30, 90))
    picture.paste((10, 220, 40), (4000, 0, 8000, 8000))
    content = encoded(picture, quality=60)
    del picture
    pixels = images.decode(content)
    assert pixels.shape == (1000, 1000, 3)
    assert np.abs(pixels[:, :490].astype(int) - (200, 30, 90)).max() <= 3
    assert np.abs(pixels[:, 510:].astype(int) - (10, 220, 40)).max() <= 3
    facts = images.inspect(content)
    assert (facts.width, facts.height, facts.format) == (8000, 8000, "JPEG")


@pytest.mark.parametrize(
    ("kind", "options", "gap"),
    [
        ("PNG", {}, 0),
        ("BMP", {}, 0),
        ("TIFF", {"compression": "tiff_lzw"}, 0),
        ("WEBP", {"lossless": True}, 0),
        ("JPEG2000", {}, 0),
        ("JPEG", {"quality": 95, "subsampling": 0}, 8),
        ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}, 8),
        ("WEBP", {"quality": 95}, 8),
        ("AVIF", {"quality": 95}, 8),
    ],
)
def test_every_format_gives_the_picture_that_was_stored(
    kind: str, options: dict[str, object], gap: int
) -> None:
    picture = _blocks()
    content = encoded(picture, kind, **options)
    # In the middle of blocks, where halved colour channels do not bleed.
    middles = images.decode(content)[4::8, 4::8]
    assert _gap(middles, np.asarray(picture)[4::8, 4::8]) <= gap
    facts = images.inspect(content)
    assert (facts.width, facts.height, facts.format) == (48, 32, kind)
    assert len(facts.phash) == 16 and int(facts.phash, 16) >= 0


def test_multi_picture_jpeg_gives_its_first_picture() -> None:
    options = {"save_all": True, "append_images": [_blocks(1)], "quality": 95, "subsampling": 0}
    pixels = images.decode(encoded(_blocks(), "MPO", **options))
    assert _gap(pixels, np.asarray(_blocks())) <= 8


def test_grey_jpeg_gives_equal_channels() -> None:
    pixels = images.decode(encoded(Image.linear_gradient("L"), quality=95))
    assert pixels.shape == (256, 256, 3)
    assert np.array_equal(pixels[..., 0], pixels[..., 1])
    assert np.array_equal(pixels[..., 0], pixels[..., 2])
    assert np.abs(pixels[:, 0, 0].astype(int) - np.arange(256)).max() <= 3


def test_cmyk_jpeg_shows_its_colours() -> None:
    # Cyan 0, magenta 200, yellow 100, black 0: (255 - c, 255 - m, 255 - y).
    content = encoded(Image.new("CMYK", (40, 40), (0, 200, 100, 0)), quality=95)
    assert _gap(images.decode(content)[:1, :1], np.array([[[255, 55, 155]]], np.uint8)) <= 4


@pytest.mark.parametrize(("deep", "shallow"), [(0, 0), (255, 0), (32768, 128), (65535, 255)])
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bit_grey_is_scaled(kind: str, deep: int, shallow: int) -> None:
    content = encoded(Image.fromarray(np.full((20, 20), deep, np.uint16)), kind)
    assert (images.decode(content) == shallow).all()


@pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF"])
def test_transparency_is_composited_over_white(kind: str) -> None:
    picture = Image.new("RGBA", (60, 20), (255, 0, 0, 255))
    picture.paste((255, 0, 0, 0), (20, 0, 40, 20))
    picture.paste((0, 0, 255, 51), (40, 0, 60, 20))
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}
    pixels = images.decode(encoded(picture, kind, **options))
    assert pixels[10, 10].tolist() == [255, 0, 0]
    assert pixels[10, 30].tolist() == [255, 255, 255]
    # A fifth blue over white: 255 - 51 of red and green.
    assert np.abs(pixels[10, 50].astype(int) - (204, 204, 255)).max() <= 1


def test_grey_with_alpha_is_composited_over_white() -> None:
    picture = Image.new("LA", (20, 20), (0, 51))
    assert np.abs(images.decode(encoded(picture, "PNG")).astype(int) - 204).max() <= 1


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_transparent_palette_entry_is_white(kind: str) -> None:
    picture = Image.new("P", (40, 20), 0)
    picture.putpalette([10, 120, 30, 200, 40, 60])
    picture.paste(1, (20, 0, 40, 20))
    pixels = images.decode(encoded(picture, kind, transparency=1))
    assert pixels[5, 5].tolist() == [10, 120, 30]
    assert pixels[5, 30].tolist() == [255, 255, 255]


def test_transparent_colour_without_alpha_channel_is_white() -> None:
    picture = Image.new("RGB", (40, 20), (10, 120, 30))
    picture.paste((200, 40, 60), (20, 0, 40, 20))
    pixels = images.decode(encoded(picture, "PNG", transparency=(200, 40, 60)))
    assert pixels[5, 5].tolist() == [10, 120, 30]
    assert pixels[5, 30].tolist() == [255, 255, 255]


@pytest.mark.parametrize(
    ("kind", "options"), [("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {})]
)
def test_animation_gives_its_first_frame(kind: str, options: dict[str, object]) -> None:
    first, second = (Image.new("RGB", (32, 32), colour) for colour in ((250, 0, 0), (0, 0, 250)))
    content = encoded(first, kind, save_all=True, append_images=[second], **options)
    assert (images.decode(content) == (250, 0, 0)).all()


def test_one_bit_and_palette_pictures_become_rgb() -> None:
    for mode in ("1", "L", "P"):
        picture = Image.new("L", (20, 20), 255).convert(mode)
        assert (images.decode(encoded(picture, "PNG")) == 255).all()


# EXIF.


def _oriented(kind: str, orientation: object, **options: object) -> bytes:
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return encoded(_blocks(3), kind, exif=exif, **options)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}),
        ("PNG", {}),
        ("WEBP", {"lossless": True}),
        ("TIFF", {}),
    ],
)
def test_orientation_is_applied_as_pillow_does(
    kind: str, options: dict[str, object], orientation: int
) -> None:
    content = _oriented(kind, orientation, **options)
    with Image.open(io.BytesIO(content)) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    assert upright.size == ((48, 32) if orientation < 5 else (32, 48))
    assert _gap(images.decode(content), np.asarray(upright)) <= (3 if kind == "JPEG" else 0)


def test_orientation_of_a_jpeg_that_pillow_reads() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    picture = Image.new("CMYK", (40, 24), (0, 0, 0, 0))
    picture.paste((0, 255, 255, 0), (0, 0, 16, 24))
    pixels = images.decode(encoded(picture, quality=95, exif=exif))
    # Turned clockwise, the left end is on top.
    assert pixels.shape == (40, 24, 3)
    assert np.abs(pixels[4, 12].astype(int) - (255, 0, 0)).max() <= 4
    assert np.abs(pixels[36, 12].astype(int) - (255, 255, 255)).max() <= 4


@pytest.mark.parametrize("orientation", [0, 9, 200, 65535])
def test_orientation_out_of_range_is_ignored(orientation: int) -> None:
    assert _gap(images.decode(_oriented("PNG", orientation)), np.asarray(_blocks(3))) == 0


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"junk",
        b"II*\x00\xff\xff\xff\xff",
        b"II*\x00\x08\x00\x00\x00\x40\x00" + b"\xff" * 20,
        # Orientation as a rational whose value lies past the end.
        b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x05\x00\x01\x00\x00\x00\xff\xff\x00\x00",
        # Orientation as text.
        b"II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x02\x00\x02\x00\x00\x00up\x00\x00",
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_broken_exif_is_ignored(block: bytes) -> None:
    jpeg = encoded(_blocks(3), quality=95, subsampling=0, exif=b"Exif\x00\x00" + block)
    assert _gap(images.decode(jpeg), np.asarray(_blocks(3))) <= 8
    png = encoded(_blocks(3), "PNG", exif=b"Exif\x00\x00" + block)
    assert _gap(images.decode(png), np.asarray(_blocks(3))) == 0


# How large a JPEG is decoded.


@pytest.mark.parametrize(
    ("measures", "side", "shape"),
    [
        ((639, 639), 320, (639, 639)),
        ((640, 640), 320, (320, 320)),
        ((641, 641), 320, (321, 321)),
        ((1279, 1279), 320, (640, 640)),
        ((1280, 1280), 320, (320, 320)),
        ((2560, 640), 320, (320, 1280)),
        ((640, 1300), 224, (650, 320)),
        ((300, 300), 320, (300, 300)),
        ((1000, 1000), 500, (500, 500)),
        ((999, 999), 500, (999, 999)),
        ((2600, 2600), 1, (325, 325)),
        ((6000, 6000), 320, (750, 750)),
    ],
)
def test_jpeg_is_halved_while_its_shorter_side_is_long_enough(
    measures: tuple[int, int], side: int, shape: tuple[int, int]
) -> None:
    content = encoded(Image.new("RGB", measures, (90, 60, 30)))
    assert images.decode(content, side).shape == (*shape, 3)


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_small_networks_see_the_same_pixels_whatever_was_asked(kind: str) -> None:
    content = encoded(Image.open(io.BytesIO(drawn("folk", 1, 700))), kind)
    common = images.resize(images.decode(content), 224)
    for side in (1, 64, 224, 320):
        assert np.array_equal(images.resize(images.decode(content, side), 224), common)
    assert np.array_equal(images.load(content, 224), common)
    assert common.shape == (224, 224, 3) and common.dtype == np.uint8


@pytest.mark.parametrize(
    ("side", "sizes", "decodings"),
    [
        (300, (260, 320), [300]),
        (640, (224, 320), [320]),
        (1300, (320, 300), [325]),
        (300, (260, 320, 384), [300]),
        (640, (260, 384, 320), [320, 640]),
        (1300, (260, 700), [325, 1300]),
        (1600, (384, 500, 260), [400, 800]),
    ],
)
def test_several_networks_share_a_decoding_and_see_what_each_would_alone(
    side: int, sizes: tuple[int, ...], decodings: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = encoded(Image.open(io.BytesIO(drawn("disco", 2, 400))).resize((side, side)))
    alone = [images.resize(images.decode(content, size), size) for size in sizes]
    decode, seen = simplejpeg.decode_jpeg, []

    def counted(*arguments: object, **options: object) -> Pixels:
        seen.append(decode(*arguments, **options))
        return seen[-1]

    monkeypatch.setattr(simplejpeg, "decode_jpeg", counted)
    cover = images.Cover(content)
    together = [cover.at(size) for size in sizes]
    assert [pixels.shape[0] for pixels in seen] == decodings
    for size, pixels, expected in zip(sizes, together, alone, strict=True):
        assert pixels.shape == (size, size, 3)
        assert np.array_equal(pixels, expected)


def test_several_networks_share_a_file_that_is_no_jpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    content = encoded(Image.open(io.BytesIO(drawn("disco", 2, 700))), "PNG")
    alone = [images.resize(images.decode(content, size), size) for size in (260, 384)]
    opened = []
    load = PngImageFile.load
    monkeypatch.setattr(PngImageFile, "load", lambda self: (opened.append(self), load(self))[1])
    cover = images.Cover(content)
    together = [cover.at(size) for size in (260, 384)]
    assert len({id(image) for image in opened}) == 1
    assert all(np.array_equal(a, b) for a, b in zip(together, alone, strict=True))


# Resizing.


@pytest.mark.parametrize("size", [1, 32, 33])
def test_resize_to_its_own_size_changes_nothing(size: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
    assert np.array_equal(images.resize(pixels, size), pixels)


@pytest.mark.parametrize("measures", [(10, 10), (100, 37), (63, 64), (129, 1000), (1, 500)])
def test_resize_gives_a_square_and_keeps_a_plain_colour(measures: tuple[int, int]) -> None:
    for colour in ((0, 0, 0), (255, 255, 255), (1, 127, 254)):
        plain = np.full((*measures, 3), colour, np.uint8)
        resized = images.resize(plain, 32)
        assert resized.shape == (32, 32, 3) and resized.dtype == np.uint8
        assert (resized == colour).all()


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_resize_averages_a_checkerboard_to_grey(factor: int) -> None:
    side = 32 * factor
    board = (np.indices((side, side)).sum(axis=0) % 2 * 255).astype(np.uint8)
    resized = images.resize(np.repeat(board[..., None], 3, axis=2), 32)
    assert resized.min() >= 126 and resized.max() <= 129


def test_halving_is_the_mean_of_four() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    mean = pixels.reshape(32, 2, 32, 2, 3).astype(float).mean(axis=(1, 3))
    assert np.abs(images.resize(pixels, 32) - mean).max() <= 0.5


@pytest.mark.parametrize(("side", "size"), [(40, 32), (63, 32), (20, 50)])
def test_last_step_is_bilinear(side: int, size: int) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (side, side, 3), dtype=np.uint8)
    centres = np.clip((np.arange(size) + 0.5) * side / size - 0.5, 0, side - 1)
    low = np.minimum(centres.astype(int), side - 2)
    weights = np.zeros((size, side))
    weights[np.arange(size), low] = 1 - (centres - low)
    weights[np.arange(size), low + 1] = centres - low
    expected = np.einsum("ai,bj,ijc->abc", weights, weights, pixels.astype(float))
    assert np.abs(images.resize(pixels, size) - expected).max() <= 1.5


# Whatever bytes come.


def _outcome(content: bytes) -> str:
    """``ok`` or the reason; any other exception fails the test."""
    try:
        facts = images.inspect(content)
    except ImageError as error:
        assert error.reason in images.REASONS
        return error.reason
    assert facts.width >= 16 and facts.height >= 16
    return "ok"


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("JPEG", {}),
        ("JPEG", {"progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("GIF", {}),
        ("TIFF", {}),
        ("AVIF", {}),
    ],
)
def test_damaged_file_gives_pixels_or_a_reason(kind: str, options: dict[str, object]) -> None:
    rng = np.random.default_rng(5)
    picture = Image.open(io.BytesIO(noise(4, 48)))
    if kind != "GIF":
        options = {**options, "exif": _exif()}
    whole = encoded(picture, kind, **options)
    outcomes = set()
    for _ in range(300):
        damaged = bytearray(whole)
        for place in rng.integers(len(damaged), size=rng.integers(1, 8)):
            damaged[place] ^= 1 << int(rng.integers(8))
        end = len(damaged) if rng.random() < 0.7 else int(rng.integers(1, len(damaged)))
        outcomes.add(_outcome(bytes(damaged[:end])))
    assert "not_an_image" in outcomes and len(outcomes) >= 3


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    return exif


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "start",
    [b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF\x00\x02\x00\x00WEBPVP8 ",
     b"BM", b"II*\x00", b"\x00\x00\x00\x0cjP  ", b"\x00\x00\x00\x1cftypavif"],
)  # fmt: skip
def test_garbage_is_never_an_image(start: bytes) -> None:
    rng = np.random.default_rng(6)
    for length in rng.integers(1, 3000, size=50):
        assert _outcome(start + rng.bytes(int(length))) != "ok"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "JPEG2000"])
def test_image_is_told_by_its_first_bytes(kind: str) -> None:
    assert images.looks_like_image(encoded(_blocks(), kind)[:16])


@pytest.mark.parametrize(
    "start",
    [b"", b"\xff", HTML[:16], b"file,artist,titl", b"RIFF\x00\x00\x00\x00WAVEfmt ", bytes(16)],
)
def test_other_files_do_not_look_like_images(start: bytes) -> None:
    assert not images.looks_like_image(start)


# The perceptual hash.


def _bits(a: str, b: str) -> int:
    return (int(a, 16) ^ int(b, 16)).bit_count()


COPIES: dict[str, Callable[[Image.Image], bytes]] = {
    "recompressed": lambda image: encoded(image, quality=50),
    "as PNG": lambda image: encoded(image, "PNG"),
    "as WebP": lambda image: encoded(image, "WEBP", quality=60),
    "smaller": lambda image: encoded(image.resize((200, 200), Image.Resampling.LANCZOS)),
}


@pytest.mark.parametrize("copy", COPIES.values(), ids=COPIES.keys())
def test_hash_of_a_copy_is_near(copy: Callable[[Image.Image], bytes]) -> None:
    for seed in range(5):
        original = noise(seed, 300)
        other = copy(Image.open(io.BytesIO(original)))
        assert _bits(images.inspect(original).phash, images.inspect(other).phash) <= 4


def test_hashes_of_different_covers_are_far() -> None:
    hashes = [images.inspect(noise(seed, 300)).phash for seed in range(20)]
    assert min(_bits(a, b) for i, a in enumerate(hashes) for b in hashes[:i]) > 12


def test_hash_is_of_the_pixels_whatever_holds_them() -> None:
    picture = _blocks(7, 64, 64)
    lossless = [encoded(picture, "PNG"), encoded(picture, "BMP"), encoded(picture, "TIFF")]
    assert len({images.inspect(content).phash for content in lossless}) == 1
