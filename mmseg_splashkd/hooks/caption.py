"""A caption in a band of its own below a picture."""

from collections.abc import Iterator, Sequence

from PIL import Image, ImageDraw, ImageFont

Swatch = tuple[tuple[int, ...] | None, str]  # (R, G, B) of a square, or None; text
Font = ImageFont.FreeTypeFont | ImageFont.ImageFont

BACKGROUND, INK = (24, 28, 32), (238, 240, 242)
WIDTH = 480  # pixels: the picture of a small frame gets a margin, for its caption
PAD, LINE, BOX = 6, 18, 10  # pixels


def with_caption(
    picture: Image.Image, lines: Sequence[Sequence[Swatch]]
) -> Image.Image:
    """Add a band with text below a picture, whose pixels stay as they are.

    Args:
        picture: RGB picture, at the top left of the result.
        lines: Pieces of text of each line, each after a square of a colour or not.
            Lines that are too wide are wrapped between pieces, and else cut.

    Returns:
        An RGB picture at least ``WIDTH`` wide.
    """
    width = max(picture.width, WIDTH)
    font = ImageFont.load_default()
    if not isinstance(font, ImageFont.FreeTypeFont):  # of Pillow below 10.1: Latin only
        lines = [
            [(c, t.encode("ascii", "replace").decode()) for c, t in line]
            for line in lines
        ]
    rows = [row for line in lines for row in _wrapped(line, width - 2 * PAD, font)]
    height = picture.height + len(rows) * LINE + 2 * PAD
    card = Image.new("RGB", (width, height), BACKGROUND)
    card.paste(picture, (0, 0))
    draw = ImageDraw.Draw(card)
    for number, row in enumerate(rows):
        x, y = PAD, picture.height + PAD + number * LINE
        for colour, text in row:
            if colour is not None:
                box = (x, y + 3, x + BOX, y + 3 + BOX)
                # The outline keeps a dark square visible.
                draw.rectangle(box, fill=colour[:3], outline=INK)
                x += BOX + PAD
            draw.text((x, y + 1), text, fill=INK, font=font)
            x += round(font.getlength(text)) + 2 * PAD
    return card


def _wrapped(line: Sequence[Swatch], width: int, font: Font) -> Iterator[list[Swatch]]:
    """Rows of pieces that fit."""
    row: list[Swatch] = []
    used = 0.0
    for colour, text in line:
        room = width - (BOX + PAD if colour else 0)
        short = text
        while font.getlength(short) > room and len(short) > 4:
            # The end of a name tells frames apart.
            short = f"...{short[4:]}" if short.startswith("...") else f"...{short[1:]}"
        needed = width - room + font.getlength(short) + 2 * PAD
        if row and used + needed > width:
            yield row
            row, used = [], 0.0
        row.append((colour, short))
        used += needed
    if row:
        yield row
