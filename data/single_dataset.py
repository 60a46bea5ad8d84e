"""One folder of pictures."""

from argparse import Namespace

from data.base_dataset import BaseDataset, get_transform
from data.image_folder import make_dataset


class SingleDataset(BaseDataset):
    """The pictures below the data root itself, as the source domain."""

    def __init__(self, opt: Namespace):
        super().__init__(opt)
        self.paths = make_dataset(opt.dataroot, opt.max_dataset_size)
        self.transform = get_transform(opt)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict:
        path = self.paths[index]
        domain = "A" if self.opt.direction == "AtoB" else "B"
        return {domain: self.transform(self.read(path)), f"{domain}_paths": path}
