"""A page of pictures, built with dominate, that opens from disk without a network."""

import functools
from pathlib import Path
from urllib.parse import quote

try:
    import dominate
    from dominate import tags
except ImportError:  # pages are a convenience; nothing else needs them
    dominate = None

_STYLE = """
:root { color-scheme: light dark; font-family: system-ui, sans-serif; }
body { margin: 1rem auto; max-width: 90rem; padding: 0 1rem; }
.row { display: flex; flex-wrap: wrap; gap: .75rem; margin-bottom: 1.5rem; }
figure { margin: 0; } img { max-width: 100%; height: auto; image-rendering: auto; }
figcaption, .note { font-size: .85rem; opacity: .75; } h2 { font-size: 1rem; overflow-wrap: anywhere; }
"""


class Page:
    """Rows of captioned pictures below headings, written to FOLDER/index.html."""

    def __init__(self, folder: Path, title: str):
        self.folder = folder
        self.available = dominate is not None
        if not self.available:
            _tell_once()
            return
        self.document = dominate.document(title=title)
        with self.document.head:
            tags.meta(charset="utf-8")
            tags.meta(name="viewport", content="width=device-width, initial-scale=1")
            tags.style(dominate.util.raw(_STYLE))
        self.document.add(tags.h1(title))

    def add_note(self, text: str) -> None:
        """Add a line of plain text."""
        if self.available:
            self.document.add(tags.p(text, cls="note"))

    def add_row(self, heading: str, pictures: dict[str, str], width: int) -> None:
        """Add pictures by caption; paths are relative to the page's folder. Each links to its full size."""
        if not self.available:
            return
        row = tags.div(cls="row")
        for caption, path in pictures.items():
            link = quote(path)
            image = tags.img(src=link, alt=f"{caption} of {heading}", width=width, loading="lazy")
            row.add(tags.figure(tags.a(image, href=link), tags.figcaption(caption)))
        self.document.add(tags.h2(heading), row)

    def save(self) -> None:
        """Write the page."""
        if self.available:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "index.html").write_text(self.document.render(), encoding="utf-8")


@functools.cache
def _tell_once() -> None:
    print("dominate is not installed: no pages are written (pip install dominate)")
