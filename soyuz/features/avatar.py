"""Avatars: any picture in, a square WebP of ours out, without a byte of what was sent."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from soyuz.domain.errors import Refused

SIZE_PX = 256
MAX_PIXELS = 50_000_000  # phones make them; a 100 kB file can claim twenty times as many
FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
QUALITY = 85


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
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        raise Refused("invalid", "invalid.avatar") from None


def _square(picture: Image.Image) -> bytes:
    picture.load()
    has_alpha = "A" in picture.getbands() or "transparency" in picture.info
    upright = ImageOps.exif_transpose(picture).convert("RGBA" if has_alpha else "RGB")
    square = ImageOps.fit(upright, (SIZE_PX, SIZE_PX), Image.Resampling.LANCZOS)
    clean = Image.new(square.mode, square.size)
    clean.paste(square)
    out = BytesIO()
    clean.save(out, "WEBP", quality=QUALITY)
    return out.getvalue()
