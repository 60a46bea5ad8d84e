"""The flags of app.py."""

from argparse import Namespace
from pathlib import Path

from options.parser import OneLineParser
from options.ranges import check_ranges


def parse(argv: list[str] | None = None) -> Namespace:
    """Parse and check the flags. Args: argv: None = those of the program.

    Raises:
        UsageError: for an unknown flag or a wrong value.
    """
    parser = OneLineParser.of_program("Serve a page on which images are colored with your trained styles.")
    add = parser.add_argument
    add("--checkpoints_dir", type=Path, default=Path("checkpoints"), help="where runs are saved; each is a style to "
        "choose, beside those in pretrained/")  # fmt: skip
    add("--gpu_ids", default="auto", help="auto: the first accelerator, or the CPU; 0; -1: CPU")
    add("--host", default="127.0.0.1", help="address to serve; the default is reachable from this computer alone, "
        "0.0.0.0 from all that can reach it")  # fmt: skip
    add("--port", type=int, default=7860, help="port to serve")
    add("--max_megapixels", type=int, default=100, help="larger images are refused")
    add("--max_waiting", type=int, default=20, help="images that wait while another is colored; more are refused")
    opt = parser.parse_args(argv)
    check_ranges(opt, {"port": (1, 65_535), "max_megapixels": (1, 400), "max_waiting": (1, 10_000)})
    return opt
