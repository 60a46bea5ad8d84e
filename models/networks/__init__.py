"""Network families, one a file, and the functions that build them under CUT's names."""

from models.gan_loss import GANLoss
from models.networks.build import define_D, define_F, define_G

__all__ = ["GANLoss", "define_D", "define_F", "define_G"]
