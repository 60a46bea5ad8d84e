"""Folders of images to batches. `--dataset_mode NAME` is the class NAMEDataset in data/NAME_dataset.py."""

from argparse import Namespace

from data.loader import Loader
from util.registry import Registry

DATASETS = Registry(package="data", kind="dataset", flag="--dataset_mode")


def create_dataset(opt: Namespace) -> Loader:
    """Build the dataset that the options name, and the loader around it."""
    return Loader(DATASETS.find(opt.dataset_mode)(opt), opt)
