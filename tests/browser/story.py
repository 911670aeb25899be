"""The conversation in the README's pictures: who speaks, what they say, and their faces."""

from __future__ import annotations

import colorsys
from io import BytesIO

from PIL import Image, ImageDraw, ImageFilter

FACE_PX = 256
# username: the name they show, and the hue (0 to 1) of their picture; None shows initials.
PEOPLE: dict[str, tuple[str, float | None]] = {
    "mira": ("Mira Okafor", 0.06),
    "jonas": ("Jonas Lind", 0.57),
    "ada": ("Ada Moreau", 0.80),
    "sara": ("سارا رضایی", 0.40),
    "kenji": ("Kenji Tanaka", None),
    "arash": ("آرش کریمی", 0.92),
}
TALK = (
    ("jonas", "Morning! The plan for Friday's launch is up: https://example.org/balloon/plan"),
    ("jonas", "Wind looks kind, 8 knots from the west."),
    ("ada", "Reading it now. Tight, but it can work."),
    ("ada", "Who checks the antenna? Last time it came back in two pieces 😅"),
    ("sara", "من آنتن را بررسی می‌کنم، تا عصر خبر می‌دهم."),
    ("kenji", "I bring the soldering iron, just in case."),
    ("jonas", "Thank you both! Then only the camera is left."),
    ("mira", "The camera is with me: 4 hours of battery, tested twice last night."),
    ("kenji", "🎈🚀"),
    ("ada", "See you all at the field at seven. Coffee is on me."),
)
LAST_WORD = "Perfect. Seven it is!"
# Said for the mirrored picture only: a page for readers from right to left shows their own words.
PERSIAN_TALK = (
    ("arash", "سلام به همه! جمعه ساعت هفت من هم می‌آیم."),
    ("sara", "چه خوب! دوربین با میرا است و آنتن با من."),
    ("sara", "نقشهٔ پرواز هم اینجاست: https://example.org/balloon/plan"),
    ("arash", "دیدم، باد هم خوب است. چای و نان تازه با من ☕"),
    ("sara", "🎈🎈"),
    ("arash", "پس تا جمعه!"),
)
SPAM = "Is it Friday yet?"
DRAFT = "Sorry, I am just so happy about Friday."


def face(hue: float) -> bytes:
    """Draw somebody's picture: a soft sky in their colour, with a sun and two hills; a PNG."""
    sky, glow, hill, near = (_colour(hue, *tone) for tone in _TONES)
    image = Image.linear_gradient("L").resize((FACE_PX, FACE_PX))
    image = Image.composite(
        Image.new("RGB", image.size, glow), Image.new("RGB", image.size, sky), image
    )
    draw = ImageDraw.Draw(image)
    sun = FACE_PX * (0.3 + 0.4 * hue)
    draw.ellipse((sun - 40, 70, sun + 40, 150), fill=(255, 244, 226))
    draw.ellipse((-140, 150, 190, 420), fill=hill)
    draw.ellipse((70, 172, 400, 460), fill=near)
    file = BytesIO()
    image.filter(ImageFilter.GaussianBlur(2)).save(file, "PNG")
    return file.getvalue()


_TONES = ((0.0, 0.45, 0.42), (0.06, 0.45, 0.97), (0.02, 0.55, 0.55), (0.98, 0.60, 0.33))


def _colour(hue: float, turn: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb((hue + turn) % 1, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)
