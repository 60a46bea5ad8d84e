"""Flags of upstream's whose features are not here: refused by name, with the reason, rather than swallowed."""

_SINCUT = "SinCUT, the single-image model, is not built here"

REFUSED = {
    "--lambda_R1": _SINCUT,
    "--random_scale_max": _SINCUT,
    "--stylegan2_G_num_downsampling": "StyleGAN2's networks are not built here",
}
