"""Color images with a trained model: python test.py --dataroot ./datasets/NAME --name RUN.

The network, the direction and how images are read are restored from the run; a flag given here wins.
"""

import util.interrupt  # noqa: F401 - first: the imports below take seconds

# isort: split
from argparse import Namespace

from data import Loader, create_dataset
from models import BaseModel, create_model
from models.networks.build import describe_networks
from options.test_options import TestOptions
from util.errors import UserError, print_error, run
from util.report.results_page import ResultsPage


def main() -> int:
    """Resolve the options, color each source image once, and write the results page. Return the exit code."""
    options = TestOptions()
    opt = options.parse()
    options.print_options(opt)
    dataset = create_dataset(opt)
    model = create_model(opt)
    if opt.dry_run:
        print(describe_networks(model.networks(), opt.verbose))
        print(f"{len(dataset)} images ({dataset.dataset.describe()}); computing on {opt.device}")
        return 0
    model.setup(opt)
    results = ResultsPage(opt, options.as_text(opt))
    try:
        failed = color(opt, dataset, model, results)
    except BaseException:  # also after Ctrl-C: what is colored so far has its page
        results.save(is_complete=False)
        raise
    folder = results.save()
    print(f"{results.count} images in {folder}; the page is {folder / 'index.html'}")
    if failed:
        print_error(f"{failed} images could not be colored")
    return 1 if failed else 0


def color(opt: Namespace, dataset: Loader, model: BaseModel, results: ResultsPage) -> int:
    """Color images until --num_test are done. Return how many could not be; each gets a line on stderr."""
    failed = 0
    for batch in dataset:
        if results.count >= opt.num_test:
            break
        try:
            if "error" in batch:
                raise batch["error"]
            model.set_input(batch)
            model.test()
        except UserError as error:
            print_error(str(error))
            failed += 1
        else:
            results.add(model.get_current_visuals(), model.get_image_paths()[0])
    return failed


if __name__ == "__main__":
    run(main)
