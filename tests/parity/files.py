"""Photo files of many kinds, each with the picture that a viewer shows of it.

The picture is made without photond's code, and is what the reference implementation is given. Where
Pillow alone opens a file as viewers do, it is what Pillow opens, turned as its EXIF says.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageChops, ImageCms, ImageOps

from tests.imaging.pictures import encoded, swapped_profile

SAMPLES = Path(__file__).parents[2] / "samples"
_ORIENTATION = 0x0112
_MIDDLE = 128


@dataclass(frozen=True)
class PhotoFile:
    """A file, and what a viewer shows of it."""

    data: bytes
    shown: Image.Image


def sample(name: str) -> Image.Image:
    return Image.open(SAMPLES / f"{name}.jpg").convert("RGB")


def opened(data: bytes) -> PhotoFile:
    """A file that Pillow opens as viewers do."""
    return PhotoFile(data, ImageOps.exif_transpose(Image.open(io.BytesIO(data))))


def _exif(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[_ORIENTATION] = orientation
    return exif


def _deep(image: Image.Image) -> npt.NDArray[np.uint16]:
    """A picture with 16 bits a channel, all of them in use."""
    pixels = np.asarray(image)
    low = np.random.default_rng(16).integers(0, 256, pixels.shape)
    return (pixels.astype(np.uint16) << 8 | low).astype(np.uint16)


def _png_of_16_bits(pixels: npt.NDArray[np.uint16]) -> bytes:
    """A PNG with 16 bits in each of three channels, which Pillow reads and cannot write."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows, 1)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in chunks)


def _with_alpha(image: Image.Image) -> Image.Image:
    """Opaque on the left, transparent on the right."""
    seen_through = image.convert("RGBA")
    seen_through.putalpha(Image.linear_gradient("L").rotate(90).resize(image.size))
    return seen_through


def _on_white(image: Image.Image) -> Image.Image:
    """Transparency as pages and most viewers show it; the reference would show what is beneath it."""
    white = Image.new("RGBA", image.size, "white")
    white.paste(image.convert("RGB"), mask=image.convert("RGBA").getchannel("A"))
    return white.convert("RGB")


def _with_profile(image: Image.Image, kind: str) -> PhotoFile:
    """A picture with a colour profile, which the reference would ignore."""
    data = encoded(image, kind, icc_profile=swapped_profile(), quality=95)
    shown = ImageCms.profileToProfile(
        Image.open(io.BytesIO(data)),
        ImageCms.ImageCmsProfile(io.BytesIO(swapped_profile())),
        ImageCms.createProfile("sRGB"),
        outputMode="RGB",
    )
    assert shown is not None
    return PhotoFile(data, shown)


def _grey_of_16_bits(image: Image.Image) -> PhotoFile:
    """Sixteen bits shown as their upper eight; Pillow alone would clip all but the darkest to white."""
    pixels = _deep(image.convert("L"))
    data = encoded(Image.fromarray(pixels), "PNG")
    return PhotoFile(data, Image.fromarray((pixels >> 8).astype(np.uint8)))


def _palette_with_transparency(image: Image.Image) -> PhotoFile:
    palette = image.quantize(32)
    data = encoded(palette, "PNG", transparency=palette.getpixel((5, 5)))
    return PhotoFile(data, _on_white(Image.open(io.BytesIO(data)).convert("RGBA")))


def _grey_with_alpha(image: Image.Image) -> PhotoFile:
    seen_through = _with_alpha(image).convert("LA")
    return PhotoFile(encoded(seen_through, "PNG"), _on_white(seen_through))


_MAKERS: dict[str, Callable[[Image.Image], PhotoFile]] = {
    "PNG": lambda image: opened(encoded(image, "PNG")),
    "PNG, upright": lambda image: opened(encoded(image.rotate(90, expand=True), "PNG")),
    "PNG, very wide": lambda image: opened(encoded(image.resize((1200, 90)), "PNG")),
    "PNG, tiny": lambda image: opened(encoded(image.resize((50, 31)), "PNG")),
    "PNG, grey": lambda image: opened(encoded(image.convert("L"), "PNG")),
    "PNG, black and white": lambda image: opened(encoded(image.convert("1"), "PNG")),
    "PNG, palette": lambda image: opened(encoded(image.quantize(32), "PNG")),
    "PNG, palette, transparent": _palette_with_transparency,
    "PNG, alpha": lambda image: PhotoFile(
        encoded(_with_alpha(image), "PNG"), _on_white(_with_alpha(image))
    ),
    "PNG, grey, alpha": _grey_with_alpha,
    "PNG, 16 bits": lambda image: opened(_png_of_16_bits(_deep(image))),
    "PNG, 16 bits, grey": _grey_of_16_bits,
    "PNG, profile": lambda image: _with_profile(image, "PNG"),
    "JPEG": lambda image: opened(encoded(image, "JPEG", quality=90)),
    "JPEG, progressive": lambda image: opened(encoded(image, "JPEG", progressive=True)),
    "JPEG, colours at full size": lambda image: opened(encoded(image, "JPEG", subsampling=0)),
    "JPEG, grey": lambda image: opened(encoded(image.convert("L"), "JPEG")),
    "JPEG, CMYK": lambda image: opened(encoded(image.convert("CMYK"), "JPEG")),
    "JPEG, profile": lambda image: _with_profile(image, "JPEG"),
    "WebP": lambda image: opened(encoded(image, "WEBP", quality=90)),
    "TIFF": lambda image: opened(encoded(image, "TIFF")),
    "GIF": lambda image: opened(encoded(image.quantize(32), "GIF")),
    "BMP": lambda image: opened(encoded(image, "BMP")),
}


def small_files() -> dict[str, PhotoFile]:
    """A file of each kind, of a photo that is embedded from all its pixels.

    Its shorter side is less than four times a tower's input, so that photond neither takes a JPEG at a
    lower scale nor shrinks anything before it converts its colours.
    """
    # Neither a square nor the same when it is turned or mirrored.
    photo = sample("coffee")
    files = {name: make(photo) for name, make in _MAKERS.items()}
    for orientation in range(1, 9):
        data = encoded(photo, "JPEG", quality=90, exif=_exif(orientation))
        files[f"JPEG, orientation {orientation}"] = opened(data)
    return files


def large_files(kind: str, every: int = 1) -> Iterator[PhotoFile]:
    """Sample photos as a camera would store them: 4000 x 3000 pixels, with a camera's noise.

    The samples are small; enlarged, they have no detail of the size of a pixel, and reading them at a
    lower scale would cost nothing. The noise stands in for it.

    Args:
        kind: As Pillow calls it.
        every: Take one of so many.
    """
    grain = np.random.default_rng(12).normal(_MIDDLE, 6, (3000, 4000, 3))
    noise = Image.fromarray(grain.clip(0, 255).astype(np.uint8))
    for path in sorted(SAMPLES.glob("*.jpg"))[::every]:
        photo = ImageOps.fit(sample(path.stem), (4000, 3000), Image.Resampling.BICUBIC)
        yield opened(encoded(ImageChops.add(photo, noise, offset=-_MIDDLE), kind, quality=90))
