"""The perceptual hash: 128 bits that stay nearly the same when a picture is encoded or scaled anew."""

from array import array

from PIL import Image

_CELLS = 8
# How many times the cells a picture keeps when it is first averaged to a fraction of its size; of 128
# bits that changes less than one, and filtering all pixels takes four times as long.
_GAP = 8.0
HASH_BYTES = 2 * _CELLS * _CELLS // 8
"""How long a hash is."""

HASH_MIN_SIDE = 64
"""How long the shorter side of a picture must be for its hash, in pixels, if the photo's is."""


def perceptual_hash(image: Image.Image) -> bytes:
    """The difference hash of a picture.

    The picture is squashed to 9 by 9 grey cells, and each bit says whether the cell to the right of one
    of the first 8 by 8 (64 bits) or below it (64 bits) is brighter. The number of bits that differ is
    how different two pictures look: a few for one photo in two encodings, around 64 for two photos.
    Pictures that are turned, mirrored or cropped by more than a rim have hashes that differ.

    Args:
        image: Mode RGB, upright, of any size above zero.

    Returns:
        `HASH_BYTES` bytes.
    """
    # Not in whole grey levels: in an even sky, rounding would decide which cell is the brighter one.
    # The filter overlaps neighbouring cells, without which the hash would change with the scale.
    side = _CELLS + 1
    grey = image.convert("F").resize((side, side), Image.Resampling.LANCZOS, reducing_gap=_GAP)
    cells = array("f", grey.tobytes())
    bits = 0
    for step in (1, side):
        for row in range(0, _CELLS * side, side):
            for here in range(row, row + _CELLS):
                bits = bits << 1 | (cells[here + step] > cells[here])
    return bits.to_bytes(HASH_BYTES)
