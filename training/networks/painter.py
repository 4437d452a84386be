"""What every network looks like from outside, whatever is in it."""

from typing import Any

import torch
from torch import Tensor, nn

from geosar.engines.colouriser import Colouriser
from geosar.engines.despeckling import despeckler
from geosar.engines.generator import Generator


class Painter(nn.Module):
    """A network with the outside of `Generator`, for methods that learn no expected error of their own.

    Parameters
    ----------
    body
        Takes backscatter (N, channels, H, W), normalised and where asked for despeckled, to red, green, blue
        (N, 3, H, W), where -1 to 1 stands for 0 to 255.
    stride, halo
        In pixels: inputs are multiples of the stride; what is further than the halo from a pixel has no effect on it.
        The halo that is kept is that of the body and the filter together, in whole strides.
    architecture
        Keyword arguments, plain values, from which its method makes the network again; `channels` and `despeckle`
        are among them.

    """

    expected_error: Tensor
    middle: Tensor

    def __init__(self, body: nn.Module, *, stride: int, halo: int, architecture: dict[str, Any]) -> None:
        super().__init__()
        self.body = body
        self.filter = despeckler(architecture["despeckle"])
        self.channels = int(architecture["channels"])
        self.stride, self.architecture = stride, architecture
        reach = halo + (self.filter.radius if self.filter else 0)
        self.halo = -(-reach // stride) * stride  # whole strides, so that a grown patch lies on the scene's grid
        self.register_buffer("expected_error", torch.full((1, 1, 1, 1), 64.0))
        # One for each channel: behind a convolution NNCF takes it for a bias, and corrects it as one.
        self.register_buffer("middle", torch.full((1, 3, 1, 1), 127.5), persistent=False)

    def picture(self, sar: Tensor) -> Tensor:
        """Red, green, blue in -1 to 1, (N, 3, H, W), as losses take them."""
        image: Tensor = self.body(self.filtered(sar))
        return image

    def filtered(self, sar: Tensor) -> Tensor:
        """Backscatter as the body sees it."""
        return self.filter(sar) if self.filter else sar

    def forward(self, sar: Tensor) -> Tensor:
        """Red, green, blue and expected absolute error in 0 to 255, not clamped: (N, C, H, W) to (N, 4, H, W)."""
        image = self.picture(sar) * 127.5 + self.middle
        return torch.cat([image, self.expected_error + 0.0 * image[:, :1]], dim=1)

    @torch.no_grad()
    def learn_error(self, image: Tensor, truth: Tensor, weight: Tensor) -> None:
        """Move the expected error, one number for all pixels, towards the mean of a batch; -1 to 1, (N, 3, H, W)."""
        error = (image.float() - truth).abs().mean(dim=1, keepdim=True) * weight * 127.5
        mean = (error.sum() / weight.sum().clamp(min=1.0)).view(1, 1, 1, 1)
        self.expected_error.lerp_(mean, 0.02)


Network = Colouriser | Generator | Painter
"""Takes normalised backscatter (N, channels, H, W) to red, green, blue and expected error (N, 4, H, W), 0 to 255."""
