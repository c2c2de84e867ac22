"""A chart of lines on two logarithmic scales, as SVG that is legible on light and on dark."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

WIDTH, HEIGHT = 420, 330
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 14, 34, 46
_COLOURS = ("one", "two", "three")
_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.grid { stroke: #1f2328; stroke-opacity: 0.15 }
.one { --ink: #0969da } .two { --ink: #bc4c00 } .three { --ink: #1a7f37 }
.line { stroke: var(--ink); stroke-width: 2; fill: none }
.computed { stroke-dasharray: 4 4 }
.dot { fill: var(--ink); stroke: var(--ink); stroke-width: 2 }
.hollow { fill: #ffffff }
.name { fill: var(--ink) }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .grid { stroke: #e6edf3 }
  .one { --ink: #58a6ff } .two { --ink: #f0883e } .three { --ink: #56d364 }
  .name { fill: var(--ink) }
  .hollow { fill: #0d1117 }
}
"""


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a line; both numbers are positive."""

    x: float
    y: float
    computed: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """Points that belong together, in ascending order of x."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Chart:
    """Up to three lines.

    Attributes:
        title: What is up, and its unit.
        across: What is to the right.
        lines: With a point each at the least.
    """

    title: str
    across: str
    lines: Sequence[Line]


def svg(charts: Sequence[Chart]) -> str:
    """Charts side by side, as an image."""
    width = WIDTH * len(charts)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {HEIGHT}" role="img">',
        f"<title>{escape('; '.join(chart.title for chart in charts))}</title>",
        f"<style>{_STYLE}</style>",
    ]
    for number, chart in enumerate(charts):
        parts += [f'<g transform="translate({number * WIDTH} 0)">', *_drawn(chart), "</g>"]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _drawn(chart: Chart) -> list[str]:
    points = [point for line in chart.lines for point in line.points]
    across = _scale([point.x for point in points], _LEFT, WIDTH - _RIGHT)
    up = _scale([point.y for point in points], HEIGHT - _BOTTOM, _TOP)
    parts = [
        _text(_LEFT, 18, chart.title, "title", "start"),
        _text((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 8, chart.across),
    ]
    for value in _decades([point.x for point in points]):
        x = across(value)
        parts.append(_grid(x, _TOP, x, HEIGHT - _BOTTOM))
        parts.append(_text(x, HEIGHT - _BOTTOM + 18, _short(value)))
    for value in _decades([point.y for point in points]):
        y = up(value)
        parts.append(_grid(_LEFT, y, WIDTH - _RIGHT, y))
        parts.append(_text(_LEFT - 8, y + 4, _short(value), anchor="end"))
    for number, (line, colour) in enumerate(zip(chart.lines, _COLOURS, strict=False)):
        at = [(across(point.x), up(point.y), point.computed) for point in line.points]
        parts.append(f'<g class="{colour}">')
        for (x, y, _), (to_x, to_y, computed) in pairwise(at):
            kind = "line computed" if computed else "line"
            parts.append(f'<path class="{kind}" d="M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}"/>')
        for x, y, computed in at:
            kind = "dot hollow" if computed else "dot"
            parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="4"/>')
        parts.append(_text(_LEFT + 12, _TOP + 18 + 17 * number, line.name, "name", "start"))
        parts.append("</g>")
    return parts


def _scale(values: Sequence[float], first: float, last: float) -> Callable[[float], float]:
    """Maps a value to a place, its logarithm evenly from the least decade to the most."""
    decades = _decades(values)
    low, high = math.log10(decades[0]), math.log10(decades[-1])
    return lambda value: first + (last - first) * (math.log10(value) - low) / (high - low)


def _decades(values: Sequence[float]) -> list[float]:
    """The powers of ten about values, two or more."""
    low = math.floor(math.log10(min(values)))
    high = max(low + 1, math.ceil(math.log10(max(values))))
    return [10.0**exponent for exponent in range(low, high + 1)]


def _short(value: float) -> str:
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if value >= size:
            return f"{value / size:g} {unit}"
    return f"{value:g}"


def _grid(x: float, y: float, to_x: float, to_y: float) -> str:
    return f'<path class="grid" d="M{x:.1f} {y:.1f}L{to_x:.1f} {to_y:.1f}"/>'


def _text(x: float, y: float, words: str, kind: str = "", anchor: str = "middle") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(words)}</text>'
