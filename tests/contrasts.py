"""
The contrast of text, by the formula of WCAG 2.2 (success criterion 1.4.3).
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tests.browsers import Browser

#: The least contrast of text; and of large text: of so many pixels, or of so many if it
#: is bold.
LEAST, LEAST_OF_LARGE = 4.5, 3.0
LARGE, LARGE_BOLD = 24.0, 18.66

#: The least contrast of what is drawn (success criterion 1.4.11).
LEAST_OF_DRAWN = 3.0

#: Gives each text that is seen: itself, its colour, the colours below it from the top
#: down, its size and its weight.
_TEXTS = """
const found = [];
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const text = walker.currentNode.textContent.trim();
  const element = walker.currentNode.parentElement;
  if (!text || !element.checkVisibility({visibilityProperty: true})) continue;
  const style = getComputedStyle(element);
  if (parseFloat(style.fontSize) === 0) continue;
  const below = [];
  let opacity = 1;
  for (let each = element; each; each = each.parentElement) {
    const its = getComputedStyle(each);
    below.push(its.backgroundColor);
    opacity *= its.opacity;
  }
  const colour = element instanceof SVGElement ? style.fill : style.color;
  found.push([text, colour, below, parseFloat(style.fontSize),
    Number(style.fontWeight), opacity]);
}
return found;
"""

#: Gives what is drawn with these classes: the class, its colour, the colours below it.
_DRAWN = """
return arguments[0].flatMap((name) =>
  [...document.querySelectorAll(`svg .${name}`)].map((element) => {
    const style = getComputedStyle(element);
    const below = [];
    for (let each = element; each; each = each.parentElement) {
      below.push(getComputedStyle(each).backgroundColor);
    }
    const isLine = style.stroke !== "none";
    return [name, isLine ? style.stroke : style.fill, below,
      Number(isLine ? style.strokeOpacity : style.fillOpacity)];
  }));
"""

#: A colour as browsers compute it.
_COLOUR = re.compile(r"rgba?\((\d+), (\d+), (\d+)(?:, ([\d.]+))?\)")

#: Red, green and blue, from 0 to 255, and how opaque it is, from 0 to 1.
Colour = tuple[float, float, float, float]


class Contrast(NamedTuple):
    """
    The contrast of something.

    @ivar ratio: from 1 to 21.
    @ivar least: what it should be at least.
    @ivar what: the text, or the class of what is drawn.
    """

    ratio: float
    least: float
    what: str


def colourOf(text: str) -> Colour:
    """
    Read a colour.
    """
    found = _COLOUR.fullmatch(text)
    assert found, text
    red, green, blue = (float(each) for each in found.groups()[:3])
    return red, green, blue, float(found[4] or 1)


def over(top: Colour, bottom: Colour) -> Colour:
    """
    Put one colour over another one that is opaque.
    """
    red, green, blue = (
        each * top[3] + below * (1 - top[3])
        for each, below in zip(top[:3], bottom[:3], strict=True)
    )
    return red, green, blue, 1.0


def luminance(colour: Colour) -> float:
    """
    Give the relative luminance of a colour, from 0 to 1.
    """
    linear = []
    for each in colour[:3]:
        share = each / 255
        isDark = share <= 0.04045
        linear.append(share / 12.92 if isDark else ((share + 0.055) / 1.055) ** 2.4)
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Colour, other: Colour) -> float:
    """
    Give the contrast of two colours, from 1 to 21.
    """
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _ratio(colour: str, below: list[str], opacity: float) -> float:
    """
    Give the contrast of a colour with what is below it.

    @param below: the colours, from the top down.
    """
    ground: Colour = (255, 255, 255, 1)
    for each in reversed(below):
        ground = over(colourOf(each), ground)
    red, green, blue, alpha = colourOf(colour)
    return contrast(over((red, green, blue, alpha * opacity), ground), ground)


def textContrasts(browser: Browser) -> list[Contrast]:
    """
    Give the contrast of each text that a page shows.
    """
    found = []
    for text, colour, below, size, weight, opacity in browser.execute_script(_TEXTS):
        isLarge = size >= LARGE or (size >= LARGE_BOLD and weight >= 700)
        least = LEAST_OF_LARGE if isLarge else LEAST
        found.append(Contrast(_ratio(colour, below, opacity), least, text))
    return found


def drawnContrasts(browser: Browser, *names: str) -> list[Contrast]:
    """
    Give the contrast of what is drawn.

    @param names: the classes to look at.
    """
    return [
        Contrast(_ratio(colour, below, opacity), LEAST_OF_DRAWN, name)
        for name, colour, below, opacity in browser.execute_script(_DRAWN, names)
    ]
