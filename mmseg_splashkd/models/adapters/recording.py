"""What passes inside a network of transformers: its feature maps and its classifier."""

from typing import Any

from torch import Tensor, nn


class Recorded(nn.Module):
    """In the place of a classifier: keeps its input until it is asked for.

    Args:
        classifier: The classifier, whose geometry some networks read.
    """

    def __init__(self, classifier: nn.Conv2d) -> None:
        super().__init__()
        self.kernel_size, self.stride = classifier.kernel_size, classifier.stride
        self.padding, self.dilation = classifier.padding, classifier.dilation
        self.input: Tensor | None = None

    def forward(self, features: Tensor) -> Tensor:
        """Keep (B, C, h, w) features, and return one channel.

        What the network does with its logits afterwards costs little so.
        """
        self.input = features
        return features[:, :1]

    def pop(self) -> Tensor:
        """The input of the last forward pass."""
        features, self.input = self.input, None
        assert features is not None, "the network did not run its classifier"
        return features


def find_classifier(network: nn.Module, channels: int) -> str:
    """Dotted name of the convolution that computes the logits.

    Args:
        network: Network that ends in a convolution.
        channels: Number of its output channels.

    Raises:
        ValueError: There is none.
    """
    convolutions = [
        name
        for name, module in network.named_modules()
        if isinstance(module, nn.Conv2d) and module.out_channels == channels
    ]
    classifiers = [name for name in convolutions if "classifier" in name]
    if not convolutions:
        raise ValueError(
            f"{type(network).__name__} has no convolution with {channels} output "
            f"channels, so its classifier is unknown"
        )
    return (classifiers or convolutions)[-1]


def maps_of(network: Any, images: Tensor) -> tuple[Any, list[Tensor]]:
    """Run a network, and return its outputs and its feature maps.

    Args:
        network: Network of transformers.
        images: (B, 3, H, W).

    Returns:
        The outputs, and maps (B, C_i, h_i, w_i): those of the backbone that the network
        contains or, if that gives none, all hidden states.
    """
    backbone = _backbone(network)
    if backbone is None:
        outputs = network(pixel_values=images, output_hidden_states=True)
        states = outputs.hidden_states or ()
        return outputs, [_as_map(each, network.config, images) for each in states]
    maps: list[Tensor] = []
    hook = backbone.register_forward_hook(
        lambda _module, _inputs, outputs: maps.extend(outputs.feature_maps)
    )
    try:
        return network(pixel_values=images), maps
    finally:
        hook.remove()


def channels_of(network: Any) -> list[int]:
    """Numbers of channels of the feature maps; empty if the network names none."""
    backbone, config = _backbone(network), network.config
    if backbone is not None:
        return list(backbone.channels)
    if config.model_type == "segformer":
        return list(config.hidden_sizes)
    if hasattr(config, "num_hidden_layers") and hasattr(config, "patch_size"):
        return [config.hidden_size] * (config.num_hidden_layers + 1)
    return []


def _backbone(network: nn.Module) -> Any:
    """The backbone, with ``feature_maps``, that a network contains."""
    for module in network.modules():
        if hasattr(module, "forward_with_filtered_kwargs"):
            return module
    return None


def _as_map(state: Tensor, config: Any, images: Tensor) -> Tensor:
    """A hidden state (B, tokens, C) as (B, C, h, w), without its first tokens."""
    if state.dim() == 4:
        return state
    height, width = (length // config.patch_size for length in images.shape[-2:])
    tokens = state[:, -height * width :]
    return tokens.transpose(1, 2).unflatten(2, (height, width))
