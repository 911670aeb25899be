"""Pictures that are not what they claim to be, and kinds that few people have."""

from __future__ import annotations

import contextlib
import random
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from soyuz.domain.errors import Refused
from soyuz.features import avatar
from soyuz.features.avatar import convert

NOISE = Image.effect_noise((80, 60), 80)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def samples() -> list[bytes]:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "hello"
    colour, palette = NOISE.convert("RGB"), NOISE.convert("P")
    return [
        encoded(colour, "JPEG", exif=exif),
        encoded(colour, "PNG", exif=exif, transparency=(1, 2, 3)),
        encoded(colour, "WEBP", exif=exif),
        encoded(palette, "PNG", transparency=b"\0" * 20),
        encoded(colour, "GIF", save_all=True, append_images=[colour.rotate(90)] * 2),
    ]


@pytest.mark.filterwarnings("ignore")  # Pillow warns of what it repairs
def test_a_damaged_picture_is_converted_or_refused() -> None:
    chance = random.Random(7)
    for sample in samples():
        for _ in range(150):
            damaged = bytearray(sample)
            for _ in range(chance.choice((1, 1, 2, 4))):
                head = chance.choice((40, 200, len(damaged)))
                damaged[chance.randrange(min(head, len(damaged)))] = chance.choice((0, 1, 255))
            with contextlib.suppress(Refused):
                convert(bytes(damaged))


@pytest.mark.parametrize("error", avatar.BROKEN)
def test_whatever_a_reader_stumbles_on_is_a_refusal(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumbles(picture: Image.Image) -> bytes:
        raise error

    monkeypatch.setattr(avatar, "_square", stumbles)
    with pytest.raises(Refused) as refused:
        convert(samples()[0])
    assert refused.value.detail == "invalid.avatar"


@pytest.mark.parametrize("options", [{}, {"transparency": 1_000}])
def test_grey_of_sixteen_bits_keeps_its_shades(options: dict[str, Any]) -> None:
    deep = Image.new("I;16", (256, 256))
    for x in range(256):
        deep.paste(x * 257, (x, 0, x + 1, 256))
    with Image.open(BytesIO(convert(encoded(deep, "PNG", **options)))) as shown:
        row = [shown.convert("L").getpixel((x, 128)) for x in (10, 128, 245)]
    assert row == [pytest.approx(x, abs=6) for x in (10, 128, 245)]
