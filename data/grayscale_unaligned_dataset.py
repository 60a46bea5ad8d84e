"""Unpaired images whose source domain is gray. Part of the plugin: it runs in a CUT checkout unmodified."""

import torch

from data.unaligned_dataset import UnalignedDataset
from util import util

LUMA = (0.299, 0.587, 0.114)  # Rec. 601, as in pillow's mode L


def luma(image):
    """Return the luma of an image (3, H, W) in all three channels."""
    weights = torch.tensor(LUMA, dtype=image.dtype).view(3, 1, 1)
    return (image * weights).sum(0, keepdim=True).expand(3, -1, -1).contiguous()


class GrayscaleUnalignedDataset(UnalignedDataset):
    """The parent's items, with the source domain of `--direction` in gray."""

    @staticmethod
    def modify_commandline_options(parser, is_train):
        """Use whole images and keep their aspect: the paper's 256x256 images are only flipped."""
        parser = UnalignedDataset.modify_commandline_options(parser, is_train)
        parser.set_defaults(preprocess="rescale_shortside_and_crop" if is_train else "none", load_size=0)
        return parser

    def __init__(self, opt):
        if opt.load_size == 0:  # not given: the same as crop_size
            opt = util.copyconf(opt, load_size=opt.crop_size)
        super().__init__(opt)

    def __getitem__(self, index):
        """Return the parent's item with its source image in gray, (3, H, W) in [-1, 1]."""
        item = super().__getitem__(index)
        source = "A" if self.opt.direction == "AtoB" else "B"
        item[source] = luma(item[source])
        return item
