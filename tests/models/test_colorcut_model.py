"""--keep_luma, --lambda_range, --gan_on and --gan_chroma of ColorCUT. Losses and gradients: test_cut_model.py."""

from contextlib import suppress

import pytest
import torch

from models.color_losses import to_grayscale
from tests.helpers.build import build, build_with_batch, same_weights, take_steps, trained
from tests.helpers.flags import COLORCUT, TINY
from tests.helpers.images import make_dataroot, noise, read
from tests.helpers.launch import error_of, output_of

MODES = ["", "--batch_size 2", "--CUT_mode FastCUT", "--idt_input gray", "--idt_input gray --flip_equivariance",
         "--preprocess scale_width --load_size 40", "--accumulate 2"]  # fmt: skip


def luma_of(images: torch.Tensor) -> torch.Tensor:
    return to_grayscale(images)[:, :1]


@pytest.mark.parametrize("flags", MODES)
def test_colorcut_keeps_the_luma_of_every_image_that_it_paints(dataroot, flags):
    model, loader = build(dataroot, f"{COLORCUT} --keep_luma {flags}")
    for batch in [*loader][:3]:
        model.set_input(batch)
        model.optimize_parameters()
        flipped = model.flipped_for_equivariance
        pairs = [(model.fake_B, model.real_A, flipped), (model.rec_B, model.real_B, False)]
        pairs += [(model.idt_B, model.real_B, flipped)] if model.use_idt else []
        for painted, source, is_flipped in pairs:
            expected = luma_of(source.flip(3) if is_flipped else source)
            assert torch.allclose(luma_of(painted), expected, atol=1e-5) and painted.abs().max() <= 1 + 1e-6
            assert (painted - expected).abs().max() > 0.01  # and color


def test_colorcut_without_keep_luma_paints_a_new_image(dataroot):
    model = trained(dataroot, COLORCUT)
    assert (luma_of(model.fake_B) - luma_of(model.real_A)).abs().max() > 0.1


def test_colorcut_with_keep_luma_learns_something_else_and_saves_a_plain_generator(dataroot):
    kept, free = (trained(dataroot, f"{COLORCUT} {flag}", 2) for flag in ("--keep_luma", ""))
    assert not same_weights(kept, free) and kept.netG.state_dict().keys() == free.netG.state_dict().keys()


@pytest.mark.parametrize("weight", [0, 10])
def test_lambda_range_brings_back_outputs_that_have_run_to_black(dataroot, weight):
    """Black in all channels is no color. Nothing else sees it: the luma is replaced."""
    model, loader = build(dataroot, f"{COLORCUT} --keep_luma --lambda_range {weight} --lr 0.002 --normG layer")
    with torch.no_grad():
        model.netG.model[-2].bias.fill_(-1.5)
    losses = take_steps(model, loader, 20)
    with torch.no_grad():
        luma = luma_of(model.netG(model.gray_B)).mean()
    assert luma > -0.6 if weight else luma < -0.75
    assert weight == 0 or losses[0]["range"] > 0.2 > losses[-1]["range"]


def test_colorcut_keeps_the_luma_in_tests_as_the_run_says(dataroot, tmp_path):
    """Of any size; with one generator alone too; a run without the flag does not."""
    make_dataroot(tmp_path, "odd", images=[read(dataroot / "testA/0.png")[:37, :45]])
    place = f"--checkpoints_dir {tmp_path} --gpu_ids -1"
    tiny = f"--dataroot {dataroot} {COLORCUT} --ngf 4 --ndf 4 --netG resnet_4blocks --crop_size 32 --display_id -1"
    for name, flag in {"kept": "--keep_luma", "free": ""}.items():
        output_of(f"train.py {place} --name {name} {tiny} {flag} --n_epochs 1 --num_threads 0 --init_gain 1 --seed 1")
        differences = []
        for model in ("--dataset_mode single", "--model test"):
            test = f"test.py {place} --name {name} --dataroot {tmp_path / 'odd'} {model} --preprocess none"
            output_of(f"{test} --results_dir {tmp_path / 'results'}")
            images = tmp_path / "results" / name / "test_latest/images"
            source, painted = (read(images / f"{kind}/0.png").astype(int) for kind in ("real_A", "fake_B"))
            assert painted.shape == (37, 45, 3) and abs(painted - source).max() > 3
            differences.append(abs(painted @ (0.299, 0.587, 0.114) - source[..., 0]).max())
        assert (max(differences) < 1) == (name == "kept"), differences


def test_colorcut_judges_the_outputs_that_gan_on_names(dataroot):
    """The GAN loss of G rises along the gradient of those outputs alone."""
    for gan_on, names in {"source": ["fake_B"], "style": ["rec_B"], "both": ["fake_B", "rec_B"]}.items():
        model = build_with_batch(dataroot, f"{COLORCUT} --gan_on {gan_on}")
        model.forward()
        model.compute_G_loss()
        for name in ("fake_B", "rec_B"):
            (gradient,) = torch.autograd.grad(
                model.loss_G_GAN, getattr(model, name), retain_graph=True, allow_unused=True
            )
            assert (gradient is not None and bool(gradient.abs().max() > 0)) == (name in names), (gan_on, name)


def test_gan_chroma_hides_the_luma_of_source_images_and_of_the_style_images_beside_them(dataroot):
    seen = {}
    for gan_on in ("source", "both", "style"):
        model = build_with_batch(dataroot, f"{COLORCUT} --gan_chroma --gan_on {gan_on} --batch_size 2")
        model.forward()
        images = []
        model.netD.register_forward_pre_hook(lambda _, args, images=images: images.extend(args[0]))
        before = model.fake_B.clone(), model.real_B.clone()
        model.compute_D_loss()
        model.compute_G_loss()
        assert all(map(torch.equal, before, (model.fake_B, model.real_B)))
        seen[gan_on] = [bool(luma_of(image[None]).abs().max() < 1e-6) for image in images]  # fake, real; fake again
    assert seen == {"source": [True] * 6, "both": [True, True, False, False] * 3, "style": [False] * 6}


def test_an_error_in_a_step_leaves_the_weight_of_the_gan_loss_and_the_images(dataroot, monkeypatch):
    """As --cuda_graph, which trains on without a recording when a step cannot be recorded."""
    model = build_with_batch(dataroot, f"{COLORCUT} --gan_chroma --gan_on both")
    model.forward()
    before = model.fake_B, model.real_B, model.opt.lambda_GAN
    for net in (model.netF, model.netD):
        with monkeypatch.context() as patch:
            patch.setattr(net, "forward", lambda *_: 1 / 0)
            for loss in (model.compute_D_loss, model.compute_G_loss):
                with suppress(ZeroDivisionError):
                    loss()
    assert (model.fake_B, model.real_B, model.opt.lambda_GAN) == before and before[2] == 1


@pytest.mark.parametrize("flags", ["--lambda_range 10", "--gan_chroma --gan_on style", "--gan_chroma --lambda_GAN 0"])
def test_flags_without_effect_say_so(dataroot, capsys, flags):
    build(dataroot, f"{COLORCUT} {flags}")
    assert f"{flags.split()[0]} has no effect: it needs" in capsys.readouterr().out


def test_colorcut_with_gan_on_both_needs_images_of_one_size(tmp_path):
    make_dataroot(tmp_path, "trainA", images=[noise(40, 48)])
    make_dataroot(tmp_path, "trainB", images=[noise(48, 40)])
    flags = f"--dataroot {tmp_path} {TINY} {COLORCUT} --checkpoints_dir {tmp_path} --display_id -1 --preprocess none"
    assert "of one size" in error_of(f"train.py {flags} --gan_on both", code=2)
    output_of(f"train.py {flags} --gan_on style --n_epochs 1")
