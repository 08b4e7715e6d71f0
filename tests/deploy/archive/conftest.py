"""A model without a network."""

from tests.deploy.watch.conftest import model

__all__ = ["model"]
