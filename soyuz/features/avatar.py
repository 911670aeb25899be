"""Avatars: any picture in, a square WebP of ours out, without a byte of what was sent."""

from __future__ import annotations

import struct
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from soyuz.domain.errors import Refused

SIZE_PX = 256
MAX_PIXELS = 50_000_000  # phones make them; a 100 kB file can claim twenty times as many
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
QUALITY = 85
DEEP_GREY = ("I", "I;16", "I;16B", "I;16L")  # 16 bits a pixel, which a plain conversion cuts off

# What Pillow's readers let out when bytes are not what they claim to be.
BROKEN = (
    Image.DecompressionBombError,
    UnidentifiedImageError,
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    ArithmeticError,
    struct.error,
)


def convert(content: bytes) -> bytes:
    """Give a 256 px square WebP without metadata. Raises Refused `invalid`. Slow: off the loop."""
    try:
        with Image.open(BytesIO(content), formats=FORMATS) as picture:
            if picture.width * picture.height > MAX_PIXELS:
                raise Refused("invalid", "invalid.avatar_pixels", max=MAX_PIXELS // 1_000_000)
            if picture.format == "JPEG":
                picture.draft(
                    "RGB", (SIZE_PX * 2, SIZE_PX * 2)
                )  # decodes at a fraction, much faster
            return _square(picture)
    except Refused:
        raise
    except BROKEN:
        raise Refused("invalid", "invalid.avatar") from None


def _square(picture: Image.Image) -> bytes:
    picture.load()
    if picture.mode in DEEP_GREY:
        picture = _eight_bits(picture)
    has_alpha = "A" in picture.getbands() or "transparency" in picture.info
    upright = ImageOps.exif_transpose(picture).convert("RGBA" if has_alpha else "RGB")
    square = ImageOps.fit(upright, (SIZE_PX, SIZE_PX), Image.Resampling.LANCZOS)
    clean = Image.new(square.mode, square.size)
    clean.paste(square)
    out = BytesIO()
    clean.save(out, "WEBP", quality=QUALITY)
    return out.getvalue()


def _eight_bits(picture: Image.Image) -> Image.Image:
    grey = picture.convert("I").point(lambda value: value * (1 / 257)).convert("L")
    grey.info.pop("transparency", None)  # a shade in 16 bits, which no longer names one
    return grey
