"""Configs that come with the package, where MIM looks for them."""

import difflib
from pathlib import Path

# In a checkout, the folders in .mim are links to those of the repository.
CONFIGS = Path(__file__).resolve().parent.joinpath(".mim", "configs").resolve()


def config_path(name: str) -> str:
    """Path of a config of this package, from a checkout or an installed wheel.

    For a config elsewhere that inherits from it. MMEngine's ``package::name`` knows
    only packages of a list of its own. ``_base_`` must stay the first statement::

        _base_ = __import__("mmseg_splashkd").config_path("kd/segformer_b0_kd.py")

    Args:
        name: The file, relative to ``configs`` of the repository, with ``/``.

    Raises:
        FileNotFoundError: There is no such config; the message names similar ones.
    """
    names = [path.relative_to(CONFIGS).as_posix() for path in CONFIGS.rglob("*.py")]
    if name in names:
        return str(CONFIGS / name)
    close = difflib.get_close_matches(str(name), sorted(names), 3, 0.5)
    hint = f"did you mean {' or '.join(close)}?" if close else f"see {CONFIGS}"
    raise FileNotFoundError(f"mmseg_splashkd has no config {name!r}: {hint}")
