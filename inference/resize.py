"""Scales images with libvips, so that every place stays where it is, as with Pillow in training."""

import pyvips

_INTERPOLATORS = {"cubic": "bicubic", "linear": "bilinear"}


def resize(image: pyvips.Image, width: int, height: int, kernel: str) -> pyvips.Image:
    """Scale an image to a size. Pixels are squares, and the borders of both images are the same.

    libvips' own resize shifts an image by half a pixel where it enlarges, so only its reduction is used.

    Args:
        kernel: cubic or linear.
    """
    across, down = width / image.width, height / image.height
    if across < 1 or down < 1:
        image = image.resize(min(1, across), vscale=min(1, down), kernel=kernel)
        across, down = width / image.width, height / image.height
    if across == down == 1:
        return image
    return image.affine([across, 0, 0, down], interpolate=pyvips.Interpolate.new(_INTERPOLATORS[kernel]),
                        idx=0.5, idy=0.5, odx=-0.5, ody=-0.5, oarea=[0, 0, width, height], extend="copy")  # fmt: skip
