"""A photo, decoded: its pixels and what it says about itself."""

from dataclasses import dataclass

from PIL import Image

from photond.errors import PictureError

# Rows cost memory beside their pixels: a picture of one column takes 50 bytes a pixel instead of 4.
_LONGEST_SIDE = 1_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one photo may cost before it is refused.

    Args:
        max_pixels: Largest width times height, as the file's header states them. 250 megapixels is
            more than any camera's single shot. A pixel takes 4 to 21 bytes for a moment, by the format
            (docs/reliability.md): a WebP of that size takes 5 GB in the worst case, a JPEG 2 GB.
        max_seconds: Longest time to read one photo, in seconds. It holds for every format in a decoder
            process (`photond.imaging.decoder`); `photond.imaging.decode.decode` says for which without.
    """

    max_pixels: int = 250_000_000
    max_seconds: float = 60.0

    def check(self, width: int, height: int) -> None:
        """Refuse a picture by its size, in pixels, before it is decoded.

        Raises:
            PictureError: It has none, or too many, or more than a million in a row.
        """
        if width < 1 or height < 1:
            raise PictureError("it has no pixels")
        if max(width, height) > _LONGEST_SIDE:
            raise PictureError(f"it is {width:,} pixels wide and {height:,} high")
        if width * height > self.max_pixels:
            raise PictureError(
                f"it has {width * height / 1e6:,.4g} megapixels, "
                f"the limit is {self.max_pixels / 1e6:,.4g} (index.max_megapixels)"
            )


@dataclass(frozen=True, slots=True)
class Facts:
    """What a photo says about itself. What it does not say, or says wrongly, is None.

    Args:
        format: What the file is, by its content: `"JPEG"`, `"PNG"`, `"HEIF"`, `"AVIF"`, `"RAW"`, ….
        width: Pixels of the whole picture as it is displayed, that is, after its orientation was
            applied, even where only a smaller version of it was decoded.
        height: The same, downwards.
        taken_at: Local wall time where the photo was taken, ISO 8601 to the second without an offset:
            `"2024-06-01T12:34:56"`; of the years 1826 to 2099.
        utc_offset_minutes: What that wall time is ahead of UTC, in minutes, -720 to 840, in steps of
            15.
        camera: Make and model, the make only once: `"Canon EOS 5D"`, `"FUJIFILM X-T4"`; 1 to 128
            characters, all of them printable.
        lens: The lens's model, with its make where the model does not name it; as `camera`.
        latitude: Degrees north, WGS 84, -90 to 90.
        longitude: Degrees east, WGS 84, -180 to 180. Never None alone: a place has both or neither.
    """

    format: str
    width: int
    height: int
    taken_at: str | None = None
    utc_offset_minutes: int | None = None
    camera: str | None = None
    lens: str | None = None
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A photo as a viewer would show it.

    Args:
        image: Mode RGB, sRGB, upright, without transparency and metadata; in the file's proportions,
            and no larger than was asked for and cheap to keep.
        facts: What the file says about itself; its size there is that of the whole picture.
    """

    image: Image.Image
    facts: Facts
