"""Weights per class, whose number must be that of the classes of their head."""

from collections.abc import Iterator, Mapping
from typing import Any

from mmengine.config import Config

PER_CLASS = ("class_weight", "alpha")  # alpha: of mmseg's FocalLoss, if a list


def check_class_weights(cfg: Config) -> None:
    """Check the weights of the losses of every decode head of a model.

    Raises:
        ValueError: A loss has more or fewer weights than its head has classes.
    """
    for key, head in _heads(cfg.model, "model"):
        sizes = {head["num_classes"], head.get("out_channels") or head["num_classes"]}
        for place, weights in _weights(head["loss_decode"], f"{key}.loss_decode"):
            if len(weights) not in sizes:
                raise ValueError(
                    f"{place}={list(weights)} has {len(weights)} weights, and {key} "
                    f"has num_classes={head['num_classes']}: give one per class"
                )


def _heads(node: Any, key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if isinstance(node, Mapping):
        if node.get("loss_decode") and isinstance(node.get("num_classes"), int):
            yield key, node
        for name, child in node.items():
            yield from _heads(child, f"{key}.{name}")
    elif isinstance(node, list | tuple):
        for index, child in enumerate(node):
            yield from _heads(child, f"{key}.{index}")


def _weights(losses: Any, key: str) -> Iterator[tuple[str, list | tuple]]:
    if isinstance(losses, list | tuple):
        for index, loss in enumerate(losses):
            yield from _weights(loss, f"{key}.{index}")
    elif isinstance(losses, Mapping):
        for name in PER_CLASS:
            if isinstance(losses.get(name), list | tuple):  # a text names a file
                yield f"{key}.{name}", losses[name]
