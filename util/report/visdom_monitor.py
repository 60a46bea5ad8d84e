"""The live monitor: curves and images of a run on a visdom server, drawn by a thread of its own."""

import base64
import html
import importlib.util
import io
import itertools
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image

from util.report.curves import windows_of
from util.report.visdom_client import VisdomClient
from util.util import tensor2im

_RETRY_SECONDS = 5.0  # between two attempts to reach a server that is gone
_CLOSE_TIMEOUT = 3.0  # seconds that the end of a run waits for what is not drawn yet
_MAX_CORE_SHARE = 0.02  # of a core: drawing holds Python's lock now and then, which training needs
# Okabe and Ito's colors for all kinds of sight, without their yellow, and two grays.
_COLORS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000", "#787878", "#b4b4b4"]


def connect(opt: Namespace, records: Sequence[dict], print_line: Callable[[str], None]) -> "VisdomMonitor | None":
    """Return the live monitor, or None if it is switched off or cannot work.

    --display_id 0 or less switches it off. Without the flag there is one where visdom is installed.
    """
    if opt.display_id is None and not importlib.util.find_spec("visdom"):
        return None
    if opt.display_id is not None and opt.display_id <= 0:
        return None
    if opt.display_username and not opt.display_password:
        print_line("--display_username needs a password, VISDOM_PASSWORD or --display_password: no live monitor")
        return None
    try:
        return VisdomMonitor(opt, records, print_line)
    except (OSError, ValueError) as error:
        print_line(f"--display_server {opt.display_server}: {error}: no live monitor")
        return None


class VisdomMonitor:
    """Training notes that there is something new, and never waits for the server.

    Nothing queues up: the thread draws all curves, and the newest images. So a server that was restarted has all
    curves again. Prints one line for each change of what is known of the server.
    """

    def __init__(self, opt: Namespace, records: Sequence[dict], print_line: Callable[[str], None]):
        """Try to reach the server, which takes seconds at most.

        Args:
            records: those of metrics.jsonl, in a list that training appends to.
        Raises:
            OSError, ValueError: if there is no such host.
        """
        self.opt, self.records, self.print_line = opt, records, print_line
        self.seconds = 0.0  # that training spent in the calls below
        self._address = f"{opt.display_server}:{opt.display_port}"
        self._client = VisdomClient(opt.display_server, opt.display_port, opt.display_username, opt.display_password)
        self._images: tuple[dict[str, torch.Tensor], str] | None = None
        self._new = {"curves": False, "images": False}  # since the thread last drew them
        self._undrawable: set[str] = set()  # those of them that were reported
        self._is_there: bool | None = None  # the server; None before the first attempt
        self._something_new, self._closing = threading.Event(), threading.Event()
        # No daemon: a thread that the interpreter tears down inside torch aborts the program, with exit code 134.
        self._thread = threading.Thread(target=self._work, name="visdom")
        self._try(self._client.check)

    def draw_curves(self) -> None:
        """Note that there are new records."""
        self._note("curves")

    def draw_images(self, visuals: dict[str, torch.Tensor], text: str) -> None:
        """Note new images (N, 3, H, W) in [-1, 1], the first of each batch to be drawn, and the text above them."""
        self._note("images", visuals, text)

    def _note(self, name: str, visuals: dict[str, torch.Tensor] | None = None, text: str = "") -> None:
        before = time.perf_counter()
        if visuals:
            # Copied on the device, without waiting for it: the next step may write into the same memory.
            self._images = {name: images[:1].detach().clone() for name, images in visuals.items()}, text
        self._new[name] = True
        self._something_new.set()
        if not self._thread.ident:  # started here, since by now the processes of the loader are forked
            self._thread.start()
        self.seconds += time.perf_counter() - before

    def close(self) -> None:
        """End the thread: what is not drawn yet has _CLOSE_TIMEOUT seconds, then the connection is cut."""
        self._closing.set()
        self._something_new.set()
        if self._is_there and self._thread.ident:
            self._thread.join(_CLOSE_TIMEOUT)
            if self._thread.is_alive():
                self.print_line(f"visdom server at {self._address}: too slow to take the end of the run")
        while self._thread.is_alive():
            self._client.stop()
            self._thread.join(0.1)

    # ---- in the thread ---------------------------------------------------------------------------------------

    def _work(self) -> None:
        # The main thread may end without close(), after a second Ctrl-C for example.
        while not self._closing.is_set() and threading.main_thread().is_alive():
            if not self._something_new.wait(1):
                continue
            self._something_new.clear()
            before = time.thread_time()
            if self._try(self._draw):
                self._closing.wait((time.thread_time() - before) / _MAX_CORE_SHARE)
            else:
                self._new.update(dict.fromkeys(["curves"] if self._images is None else self._new, True))
                self._something_new.set()
                self._closing.wait(_RETRY_SECONDS)
        if self._is_there:
            self._try(self._draw)

    def _try(self, action: Callable[[], None]) -> bool:
        """Do something with the server; return False if that failed. Print a line if the server came or went."""
        before, reason = self._is_there, ""
        try:
            action()
        except ConnectionError as error:
            reason = str(error)
        self._is_there = not reason
        if self._is_there and not before:
            self.print_line(f"live on {self._address}, environment {self.opt.display_env}")
        elif before is None and reason:
            advice = "scripts/monitor.sh starts one. Training goes on"
            self.print_line(f"no visdom server at {self._address} ({reason}); {advice}")
        elif before and reason and not self._closing.is_set():
            self.print_line(f"visdom server at {self._address} lost ({reason}); training goes on")
        return self._is_there

    def _draw(self) -> None:
        """Draw what is new."""
        for name, draw in (("curves", self._draw_curves), ("images", self._draw_images)):
            if not self._new[name]:
                continue
            self._new[name] = False  # before drawing: what comes meanwhile is new again
            try:
                draw()
            except ConnectionError:
                raise
            except Exception as error:  # not the server's fault: another attempt would not help
                if name not in self._undrawable:
                    self.print_line(f"visdom: {name} cannot be drawn ({error})")
                self._undrawable.add(name)

    def _draw_curves(self) -> None:
        x, windows = windows_of(self.records)
        for title, curves in windows.items():
            kinds = {name: name.removeprefix("style_") for name in curves}  # the style's curve has the color of ours
            colors = dict(zip(dict.fromkeys(kinds.values()), itertools.cycle(_COLORS), strict=False))
            traces = []
            for name, curve in curves.items():
                line = {"color": colors[kinds[name]], "dash": "solid" if kinds[name] == name else "dash"}
                traces.append({"type": "scatter", "mode": "lines", "name": name, "x": x, "y": curve, "line": line})
            self._show(title, traces, 520, 340, xaxis={"title": "epochs"}, showlegend=True)

    def _draw_images(self) -> None:
        visuals, text = self._images
        columns, width = self.opt.display_ncols, self.opt.display_winsize
        images = {name: tensor2im(image) for name, image in visuals.items()}
        # As in CUT: without a number of columns each image has a window of its own.
        panels = {"images": images} if columns > 0 else {name: {name: image} for name, image in images.items()}
        for title, shown in panels.items():
            across = min(max(columns, 1), len(shown))
            down = -(-len(shown) // across)
            height = max(image.shape[0] / image.shape[1] for image in shown.values()) * width
            panel = {"type": "text", "content": _panel_html(shown, text, across, width)}
            self._show(title, [panel], across * (width + 8) + 40, round(down * (height + 30)) + 100)

    def _show(self, title: str, data: list[dict], width: int, height: int, **layout: object) -> None:
        """Send a window, in place of the one with the same title."""
        heading = f"{self.opt.name}: {title}"
        layout |= {"title": heading, "margin": dict.fromkeys("lrtb", 60)}
        options = {"title": heading, "width": width, "height": height}
        message = {"eid": self.opt.display_env, "win": f"{self.opt.display_id or self.opt.name} {title}", "data": data}
        self._client.post("events", {**message, "layout": layout, "opts": options})


def _panel_html(images: dict[str, np.ndarray], text: str, columns: int, width: int) -> str:
    """Return captioned images (H, W, 3) uint8 in a grid below a line of text."""
    figures = ""
    for name, pixels in images.items():
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=92, subsampling=0)  # colors at their full resolution
        source, caption = base64.b64encode(file.getvalue()).decode(), html.escape(name)
        image = f'<img width="{width}" alt="{caption}" src="data:image/jpeg;base64,{source}">'
        figures += f'<figure style="margin:0">{image}<figcaption>{caption}</figcaption></figure>'
    grid = f"display:grid;grid-template-columns:repeat({columns},max-content);gap:8px"
    return f'<div style="padding:8px;color:#222"><p>{html.escape(text)}</p><div style="{grid}">{figures}</div></div>'
