"""A page of images and curves, built with dominate, that opens from disk without a network."""

import functools
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from util.files import replacing

try:
    import dominate
    from dominate import tags

    from util.report.charts import line_chart
except ImportError:  # only pages need it
    dominate = None

_STYLE = """
:root { color-scheme: light dark; font-family: system-ui, sans-serif; }
body { margin: 1rem auto; max-width: 90rem; padding: 0 1rem; }
.row { display: flex; flex-wrap: wrap; gap: .75rem; margin-bottom: 1.5rem; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(15rem, 45%), 1fr)); gap: .75rem; }
figure { margin: 0; max-width: 100%; } img { max-width: 100%; height: auto; }
figcaption, .note { font-size: .85rem; color: color-mix(in srgb, currentColor 75%, transparent); }
h1, h2, p { overflow-wrap: anywhere; } h2 { font-size: 1rem; }
pre { overflow-x: auto; font-size: .8rem; } .warning { border-left: .3rem solid #d95f02; padding-left: .75rem; }
.table { overflow-x: auto; } table { border-collapse: collapse; font-size: .85rem; margin-bottom: 1.5rem; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid #8884; }
th:first-child, td:first-child { text-align: left; white-space: nowrap; }
svg { width: 100%; height: auto; } svg text { font-size: 10px; fill: currentColor; } .end { text-anchor: end; }
polyline, .frame { fill: none; stroke: currentColor; } .frame { opacity: .3; } polyline { stroke-width: 1.5; }
.curve1 { stroke-dasharray: 4 3; opacity: .7; }
@media (max-width: 40rem) { .row figure { flex: 0 1 calc(50% - .375rem); } }
"""


def available() -> bool:
    """Return True if pages can be written; if not, print that once."""
    if dominate is None:
        _print_once()
    return dominate is not None


class Page:
    """Rows of captioned images below headings, written to FOLDER/NAME. Without dominate it does nothing."""

    def __init__(self, folder: Path, title: str, name: str = "index.html"):
        """Args: title: plain text, for the title and the heading; name: of the file."""
        self.folder, self.name = folder, name
        self.available = available()
        if not self.available:
            return
        self.document = dominate.document(title=title)
        with self.document.head:
            tags.meta(charset="utf-8")
            tags.meta(name="viewport", content="width=device-width, initial-scale=1")
            tags.style(dominate.util.raw(_STYLE))
        self.heading = self.document.add(tags.h1(title))

    def add_note(self, text: str, kind: str = "note") -> None:
        """Add a line of plain text; `kind` is "note" or "warning"."""
        if self.available:
            self.document.add(tags.p(text, cls=kind))

    def add_links(self, links: dict[str, str]) -> None:
        """Add a line of links, paths by text; paths are relative to the folder of the page."""
        if self.available and links:
            self.document.add(tags.p(*((tags.a(text, href=_address(path)), " ") for text, path in links.items())))

    def add_details(self, summary: str, text: str) -> None:
        """Add preformatted text that a click unfolds."""
        if self.available:
            self.document.add(tags.details(tags.summary(summary), tags.pre(text)))

    def add_table(self, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Add a table of plain text at the top, below the heading of the page."""
        if self.available:
            head = tags.thead(tags.tr(tags.th(title) for title in titles))
            body = tags.tbody(tags.tr(tags.td(cell) for cell in row) for row in rows)
            children = self.heading.parent.children
            children.insert(children.index(self.heading) + 1, tags.div(tags.table(head, body), cls="table"))

    def add_charts(self, x: Sequence[float], charts: dict[str, dict[str, Sequence[float | None]]], note: str) -> None:
        """Add a chart for each title, with its curves by name over the same x, and a line of text below."""
        if self.available and x:
            figures = [line_chart(title, x, curves) for title, curves in charts.items()]
            self.document.add(tags.div(*figures, cls="charts"), tags.p(note, cls="note"))

    def add_row(self, heading: str, images: dict[str, str], width: int) -> None:
        """Add images, paths by caption, that link to their full size; paths are relative to the folder of the page."""
        if not self.available:
            return
        row = tags.div(cls="row")
        for caption, path in images.items():
            try:
                with Image.open(self.folder / path) as file:
                    height = round(width * file.height / file.width)
            except OSError:  # for example cut short by a crash
                continue
            # With width and height the page has its full length before any image is loaded; lazy loading needs that.
            shape = {"width": width, "height": height, "loading": "lazy"}
            image = tags.img(src=_address(path), alt=f"{caption} of {heading}", **shape)
            row.add(tags.figure(tags.a(image, href=_address(path)), tags.figcaption(caption)))
        self.document.add(tags.h2(heading), row)

    def save(self) -> None:
        """Write the page."""
        if self.available:
            self.folder.mkdir(parents=True, exist_ok=True)
            with replacing(self.folder / self.name) as file:
                file.write(self.document.render().encode(errors="replace"))


def _address(path: str) -> str:
    return quote(os.fsencode(path))  # also of a name that is not UTF-8


@functools.cache
def _print_once() -> None:
    print("dominate is not installed: no pages are written (pip install dominate)")
