"""Color images with a trained model: python test.py --dataroot ./datasets/NAME --name RUN.

The network, the direction and how images are read are restored from the run; a flag given here wins.
"""

from data import create_dataset
from models import create_model
from models.networks.build import describe_networks
from options.test_options import TestOptions
from util.errors import run
from util.report.results_page import ResultsPage


def main() -> None:
    """Resolve the options, color each source image once, and write the results page."""
    options = TestOptions()
    opt = options.parse()
    options.print_options(opt)
    dataset = create_dataset(opt)
    model = create_model(opt)
    if opt.dry_run:
        print(describe_networks(model.networks(), opt.verbose))
        print(f"{len(dataset)} images ({dataset.dataset.describe()}); computing on {opt.device}")
        return
    model.setup(opt)
    results = ResultsPage(opt, options.as_text(opt))
    for batch in dataset:
        if results.count >= opt.num_test:
            break
        model.set_input(batch)
        model.test()
        results.add(model.get_current_visuals(), model.get_image_paths()[0])
    folder = results.save()
    print(f"{results.count} images in {folder}; the page is {folder / 'index.html'}")


if __name__ == "__main__":
    run(main)
