"""Network families, one a file, and the functions that build them by upstream's names."""

from models.networks.build import define_D, define_F, define_G

__all__ = ["define_D", "define_F", "define_G"]
