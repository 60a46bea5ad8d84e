"""Unaligned pictures whose source domain is seen in grey. Part of the plugin: runs in CUT checkouts unmodified."""

import torch

from data.unaligned_dataset import UnalignedDataset
from util import util

LUMA = (0.299, 0.587, 0.114)  # Rec. 601, as in pillow's mode L


def luma(image):
    """Return the luma of a picture (3, H, W) in all three channels."""
    weights = torch.tensor(LUMA, dtype=image.dtype).view(3, 1, 1)
    return (image * weights).sum(0, keepdim=True).expand(3, -1, -1).contiguous()


class GrayscaleUnalignedDataset(UnalignedDataset):
    """The parent's items, with the source of `--direction` as one luma channel replicated to three."""

    @staticmethod
    def modify_commandline_options(parser, is_train):
        """Whole pictures, aspect kept: the paper's 256x256 pictures are only flipped."""
        parser = UnalignedDataset.modify_commandline_options(parser, is_train)
        parser.set_defaults(preprocess="rescale_shortside_and_crop" if is_train else "none", load_size=0)
        return parser

    def __init__(self, opt):
        if opt.load_size == 0:  # not given: scale to what is cropped
            opt = util.copyconf(opt, load_size=opt.crop_size)
        super().__init__(opt)

    def __getitem__(self, index):
        """Return the parent's item with its source picture grey, (3, H, W) in [-1, 1]."""
        item = super().__getitem__(index)
        source = "A" if self.opt.direction == "AtoB" else "B"
        item[source] = luma(item[source])
        return item
