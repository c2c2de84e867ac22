"""Colours as a viewer would show them: every mode and profile to sRGB."""

import io

from PIL import Image, ImageCms

_DEEP = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")
_WITH_ALPHA = ("RGBA", "LA", "PA", "La", "RGBa")
# The colour space that a profile must be of, by the mode of the pixels.
_PROFILE_SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}


def flatten(image: Image.Image) -> Image.Image:
    """A picture of any mode as one with 8 bits a channel and no palette: L, LA, RGB, RGBA, CMYK or LAB.

    Deeper pictures are scaled, where Pillow's own conversion would clip them to white.
    """
    if image.mode in _DEEP:
        # Few photos are, and numpy takes longer to load than all else that decoding needs.
        from photond.imaging.deep import to_grey  # noqa: PLC0415

        return to_grey(image)
    if image.mode == "1":
        return image.convert("L")
    if image.mode in {"P", "PA"} or "transparency" in image.info:
        has_alpha = image.mode == "PA" or "transparency" in image.info
        return image.convert("RGBA" if has_alpha else "RGB")
    if image.mode in {"La", "RGBa"}:
        return image.convert("RGBA" if image.mode == "RGBa" else "LA")
    if image.mode in {"L", "LA", "RGB", "RGBA", "CMYK", "LAB"}:
        return image
    return image.convert("RGB")


def to_rgb(image: Image.Image, icc_profile: bytes | None) -> Image.Image:
    """A flattened picture in sRGB, without transparency.

    Args:
        image: What `flatten` returns.
        icc_profile: The file's profile; one that is broken or of another kind of colour is ignored.
    """
    if image.mode in _WITH_ALPHA:
        colour = to_rgb(image.convert("RGB"), icc_profile)
        # White is what pages and most viewers show behind a transparent picture.
        page = Image.new("RGB", image.size, "white")
        page.paste(colour, mask=image.getchannel("A"))
        return page
    if image.mode == "LAB":
        return _through_profile(image, ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")))
    if icc_profile:
        try:
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc_profile))
            space = profile.profile.xcolor_space.strip()
            description = ImageCms.getProfileDescription(profile)
            if space == _PROFILE_SPACES.get(image.mode) and "sRGB" not in description:
                return _through_profile(image, profile)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            pass
    return image.convert("RGB")


def _through_profile(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    converted = ImageCms.profileToProfile(
        image,
        profile,
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")),
        outputMode="RGB",
    )
    assert converted is not None  # only in-place conversion returns nothing
    return converted
