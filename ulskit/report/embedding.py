"""Figures as text that stands in the page itself: nothing has to be fetched, now or in ten years."""

from __future__ import annotations

import base64
import io
import re

import matplotlib
from markupsafe import Markup, escape
from matplotlib.figure import Figure

from ulskit.figures.style import INK

_FONTS = re.compile(r"(?:'[^']*'|sans-serif)(?:, *(?:'[^']*'|[\w-]+))+")
_LEFT_OUT = re.compile(r"<metadata>.*?</metadata>|<!--.*?-->|\sxmlns(?::\w+)?=\"[^\"]*\"", re.DOTALL)
_SIZE = re.compile(r"<svg[^>]*?viewBox=\"([^\"]*)\"[^>]*>", re.DOTALL)


def inline_svg(figure: Figure, name: str, description: str) -> Markup:
    """A chart as an SVG element: its text is the page's own, and it is as dark or light as the page.

    Args:
        name: unique within the page; the identifiers within the drawing are made from it.
        description: what the chart shows, for those who cannot see it.
    """
    buffer = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    text = buffer.getvalue()
    text = _LEFT_OUT.sub("", text[text.index("<svg") :])
    # Groups are numbered anew in each figure; nothing refers to them, and a page wants each identifier once.
    text = re.sub(r"<g id=\"[^\"]*\"", "<g", text).replace("xlink:href", "href").replace(INK, "currentColor")
    text = _FONTS.sub("var(--sans)", text)
    opening = _SIZE.search(text)
    assert opening is not None
    width = float(opening[1].split()[2]) * 96 / 72  # points to CSS pixels
    head = (
        f'<svg viewBox="{opening[1]}" style="max-width: {width:.0f}px" role="img" aria-label="{escape(description)}">'
    )
    return Markup(head + text[opening.end() :].strip())


def png_data(figure: Figure, dpi: float = 150) -> str:
    """A picture as a ``data:`` address of a PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
