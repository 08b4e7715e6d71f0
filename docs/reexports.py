"""Griffe extension: the API reference shows an object where it is defined, once."""

from griffe import Extension, Module


class WithoutReexports(Extension):
    """Disregard ``__all__``, which makes a package show what its modules define."""

    def on_module(self, *, mod: Module, **_: object) -> None:
        """Called once per module, after its members are collected."""
        mod.exports = None
