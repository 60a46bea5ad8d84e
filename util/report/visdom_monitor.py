"""The live monitor: a run's curves and pictures on a visdom server, drawn from a thread of its own."""

import base64
import html
import importlib.util
import io
import threading
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from PIL import Image

from util.report.curves import windows_of
from util.report.history import History
from util.util import tensor2im

_PAUSE = 5.0  # seconds between two tries to reach a server that is gone
_LAST_WORDS = 3.0  # seconds that the end of a run waits for what is not drawn yet
# Okabe and Ito's colours for all kinds of sight, without their yellow, and two greys.
_COLORS = [(0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (86, 180, 233), (230, 159, 0), (0, 0, 0),
           (120, 120, 120), (180, 180, 180)]  # fmt: skip


class VisdomMonitor:
    """Training only notes what has something new, and never waits for the server.

    The queue has one place for the curves and one for the pictures: what was not sent yet is replaced by what is newer.
    Curves are sent whole, so that a server that was restarted has all of them again; History bounds their length.
    """

    def __init__(self, opt: Namespace, history: History, say: Callable[[str], None]):
        """Try to reach the server once, which takes seconds at most.

        Args:
            history: the curves, which this object reads whenever it draws.
            say: takes a line for each change of the server's state.
        """
        self.opt, self.history, self.say = opt, history, say
        self.prefix = opt.display_id or opt.name
        self.seconds = 0.0  # that training spent in the calls below
        self._panel: tuple[dict[str, torch.Tensor], str] | None = None
        self._waiting: set[str] = set()
        self._undrawable: set[str] = set()  # of which that was said
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._thread: threading.Thread | None = None
        self._client = None
        self._is_there: bool | None = None
        self._try(self._connect)

    def curves(self) -> None:
        """Note that there are new points."""
        with self._timed():
            self._note("curves")

    def pictures(self, visuals: dict[str, torch.Tensor], title: str) -> None:
        """Note new pictures (N, 3, H, W) in [-1, 1], of which the first of a batch is shown, and the words above."""
        with self._timed():
            # Copied on the device, without waiting for it: the next step may write into the same memory.
            self._panel = {name: images[:1].detach().clone() for name, images in visuals.items()}, title
            self._note("pictures")

    def close(self) -> None:
        """Wait a moment for what is not drawn yet, unless the server is known not to be there, and end."""
        if self._thread is not None:
            with self._changed:
                self._closing.set()
                self._changed.notify()
            # Nor may the program end while the thread is still loading visdom's libraries: that ends in an abort.
            self._thread.join(0 if self._is_there is False else _LAST_WORDS)

    @contextmanager
    def _timed(self) -> Iterator[None]:
        before = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - before

    def _note(self, what: str) -> None:
        with self._changed:
            self._waiting.add(what)
            self._changed.notify()
        if self._thread is None:  # not before the loader's processes were forked, which a thread could disturb
            self._thread = threading.Thread(target=self._work, name="visdom", daemon=True)
            self._thread.start()

    # ---- in the thread ---------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing.is_set())
                waiting, self._waiting = self._waiting, set()
            if not waiting:
                return
            before = time.thread_time()
            if self._try(self._draw, waiting):
                # Drawing holds python's lock now and then: so it takes 2% of a core at most.
                self._closing.wait(50 * (time.thread_time() - before))
                continue
            with self._changed:
                self._waiting |= {"curves"} | ({"pictures"} if self._panel else set())
            if self._closing.wait(_PAUSE):
                return

    def _try(self, action: Callable, *arguments: object) -> bool:
        """Do something with the server; say in one line if that changes what is known of it."""
        try:
            action(*arguments)
        except Exception as error:  # whatever goes wrong here must not end a run
            there, reason = False, str(error) or type(error).__name__
        else:
            there, reason = True, ""
        if there != self._is_there:
            address = f"{self.opt.display_server}:{self.opt.display_port}"
            first, self._is_there = self._is_there is None, there
            if there:
                self.say(f"live on {address}, environment {self.opt.display_env}")
            elif first:
                self.say(f"no visdom server at {address} ({reason}); scripts/monitor.sh starts one. Training goes on")
            else:
                self.say(f"visdom server at {address} lost ({reason}); training goes on")
        return there

    def _connect(self) -> None:
        from util.report.visdom_client import Client

        opt = self.opt
        self._client = Client(opt.display_server, opt.display_port, opt.display_env, opt.display_username,
                              opt.display_password)  # fmt: skip

    def _draw(self, waiting: set[str]) -> None:
        if self._client is None:
            self._connect()
        for what, draw in (("curves", self._draw_curves), ("pictures", self._draw_pictures)):
            if what in waiting:
                try:
                    draw()
                except ConnectionError:
                    raise
                except Exception as error:  # no fault of the server's: to try again would not help
                    if what not in self._undrawable:
                        self.say(f"visdom: {what} cannot be drawn ({error})")
                    self._undrawable.add(what)

    def _draw_curves(self) -> None:
        x, windows = windows_of(self.history)
        for window, curves in windows.items():
            of_style = [window == "colors" and name.startswith("style_") for name in curves]
            kinds = [name.removeprefix("style_" * style) for name, style in zip(curves, of_style, strict=True)]
            colors = {kind: _COLORS[number % len(_COLORS)] for number, kind in enumerate(dict.fromkeys(kinds))}
            values = [[np.nan if value is None else value for value in curve] for curve in curves.values()]
            options = {
                "title": f"{self.opt.name}: {window}", "xlabel": "epochs", "width": 520, "height": 340,
                "legend": list(curves), "linecolor": np.array([colors[kind] for kind in kinds]),
                "dash": np.where(of_style, "dash", "solid"),
            }  # fmt: skip
            self._client.line(X=np.array(x), Y=np.array(values).T, win=f"{self.prefix} {window}", opts=options)

    def _draw_pictures(self) -> None:
        visuals, title = self._panel
        columns, width = self.opt.display_ncols, self.opt.display_winsize
        images = {name: tensor2im(picture) for name, picture in visuals.items()}
        # As in CUT: without a number of columns each picture has a window of its own.
        panels = {"pictures": images} if columns > 0 else {name: {name: image} for name, image in images.items()}
        for window, shown in panels.items():
            across = min(max(columns, 1), len(shown))
            down = -(-len(shown) // across)
            height = max(image.shape[0] / image.shape[1] for image in shown.values()) * width
            options = {"title": f"{self.opt.name}: {window}", "width": across * (width + 8) + 40,
                       "height": round(down * (height + 30)) + 100}  # fmt: skip
            self._client.text(_panel_html(shown, title, across, width), win=f"{self.prefix} {window}", opts=options)


def _panel_html(images: dict[str, np.ndarray], title: str, columns: int, width: int) -> str:
    """Return captioned pictures (H, W, 3) uint8 in a grid below a line of text."""
    figures = ""
    for name, pixels in images.items():
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=92, subsampling=0)  # colours at their full resolution
        source, caption = base64.b64encode(file.getvalue()).decode(), html.escape(name)
        image = f'<img width="{width}" alt="{caption}" src="data:image/jpeg;base64,{source}">'
        figures += f'<figure style="margin:0">{image}<figcaption>{caption}</figcaption></figure>'
    grid = f"display:grid;grid-template-columns:repeat({columns},max-content);gap:8px"
    return f'<div style="padding:8px;color:#222"><p>{html.escape(title)}</p><div style="{grid}">{figures}</div></div>'


def connect(opt: Namespace, history: History, say: Callable[[str], None]) -> VisdomMonitor | None:
    """Return the live monitor, or None where it is switched off or visdom is not installed.

    --display_id 0 or less switches it off. Without the flag it is used where visdom is there.
    """
    if opt.display_id is not None and opt.display_id <= 0:
        return None
    if importlib.util.find_spec("visdom") is None:
        if opt.display_id is not None:
            say("visdom is not installed (scripts/install.sh monitor): no live monitor")
        return None
    if opt.display_username and not opt.display_password:
        say("--display_username needs a password, VISDOM_PASSWORD or --display_password: no live monitor")
        return None
    return VisdomMonitor(opt, history, say)
