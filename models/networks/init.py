"""Weight initialization."""

from typing import TypeVar

from torch import nn

Network = TypeVar("Network", bound=nn.Module)


INIT_TYPES = ["normal", "xavier", "kaiming", "orthogonal"]


def init_weights(net: Network, init_type: str = "xavier", init_gain: float = 0.02) -> Network:
    """Draw the weights of convolutions and linear layers, set their biases to 0, and return the network.

    The scales of batch norm are drawn around 1. kaiming ignores the gain.
    """
    draw = {
        "normal": lambda w: nn.init.normal_(w, 0.0, init_gain),
        "xavier": lambda w: nn.init.xavier_normal_(w, gain=init_gain),
        "kaiming": lambda w: nn.init.kaiming_normal_(w, a=0, mode="fan_in"),
        "orthogonal": lambda w: nn.init.orthogonal_(w, gain=init_gain),
    }[init_type]
    for module in net.modules():
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
            draw(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, init_gain)
            nn.init.zeros_(module.bias)
    return net
