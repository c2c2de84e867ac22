"""What may stand in a line that people read.

A name of a file, what a camera wrote into a photo, the words of a decoder: all of it is somebody else's
text, and may hold what commands a terminal, runs from right to left, or begins a line of its own.
"""


def printable(text: str) -> str:
    """A text on one line that cannot command a terminal.

    Everything that is not to be seen stands as Python's escape of it: control characters of 7 and 8
    bits, line breaks, marks of direction and other formats, unusual spaces, and the lone surrogates that
    stand for bytes which are no text. Done twice, it changes nothing more.
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode() for char in text
    )
