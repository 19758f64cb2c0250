"""The demo's colours: those a caption names, those of skin and hair, and how to shade them."""

from __future__ import annotations

RGB = tuple[int, int, int]

COLOURS: dict[str, RGB] = {
    "red": (212, 62, 66),
    "orange": (241, 142, 58),
    "yellow": (247, 204, 82),
    "green": (70, 158, 92),
    "blue": (58, 112, 194),
    "purple": (130, 86, 172),
    "pink": (238, 136, 170),
    "white": (248, 246, 240),
    "black": (46, 46, 56),
    "brown": (146, 96, 62),
    "grey": (150, 156, 164),
}
"""What a caption calls a colour, and how it is drawn."""

BRIGHT = ("red", "orange", "yellow", "green", "blue", "purple", "pink", "white", "black")
"""The colours of clothes and of made things."""

SKINS: tuple[RGB, ...] = (
    (255, 222, 196), (242, 198, 164), (222, 170, 130), (190, 134, 94), (146, 96, 66), (104, 68, 48),
)
"""Skin varies from scene to scene and is never put into words."""

HAIRS: tuple[RGB, ...] = ((42, 34, 34), (84, 54, 38), (142, 88, 48), (224, 180, 100), (178, 82, 44), (176, 172, 170))

INK: RGB = (54, 54, 66)
METAL: RGB = (120, 126, 138)
WOOD: RGB = (168, 118, 76)
LEAF: RGB = (86, 156, 88)


def mix(a: RGB, b: RGB, share: float) -> RGB:
    """``a`` with ``share`` (0 to 1) of ``b`` in it."""
    return tuple(round(x + (y - x) * share) for x, y in zip(a, b, strict=True))


def dark(colour: RGB, share: float = 0.2) -> RGB:
    """The colour in shade."""
    return mix(colour, (20, 22, 48), share)


def light(colour: RGB, share: float = 0.25) -> RGB:
    """The colour in light."""
    return mix(colour, (255, 255, 250), share)
