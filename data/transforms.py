"""The step of `--preprocess` that scales a picture; unlike crops and flips, it is the same each time."""

from argparse import Namespace

from PIL import Image


def scaled_size(size: tuple[int, int], opt: Namespace) -> tuple[int, int]:
    """Return the (width, height) that `opt.preprocess` scales a picture of `size` to.

    A size that comes out is kept when it is put in again.
    """
    (w, h), steps, wanted = size, opt.preprocess.split("_and_"), opt.load_size
    if "resize" in steps:
        return wanted, wanted
    if "scale_width" in steps:
        return wanted, int(max(wanted * h / w, opt.crop_size))
    shorter = min(size)
    if "rescale_shortside" in steps or ("scale_shortside" in steps and shorter < wanted):
        return max(wanted, round(w * wanted / shorter)), max(wanted, round(h * wanted / shorter))
    return size


def resize(image: Image.Image, size: tuple[int, int], method: int = Image.BICUBIC) -> Image.Image:
    """Return a picture of this (width, height): the same one if it has it already."""
    return image if image.size == size else image.resize(size, method)


def scale(image: Image.Image, opt: Namespace, method: int = Image.BICUBIC) -> Image.Image:
    """Scale a picture as `opt.preprocess` says. Once scaled it is returned as it is."""
    return resize(image, scaled_size(image.size, opt), method)
