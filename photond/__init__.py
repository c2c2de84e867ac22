"""photond makes a photo library searchable in words, on its owner's machine."""

__version__ = "0.1.0"
