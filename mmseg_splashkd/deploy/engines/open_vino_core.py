"""The core of OpenVINO: one for the process."""

from functools import cache
from typing import Any

from mmseg_splashkd.deploy.signal_stack import kept_signal_stack
from mmseg_splashkd.extras import import_extra


def open_vino_core() -> Any:
    """The ``openvino.Core``, with the CPU's plugin loaded.

    Raises:
        ImportError: OpenVINO is not installed.
    """
    return _core_of(import_extra("openvino", "this engine and INT8", "deploy"))


@cache  # it must not end before others do
def _core_of(openvino: Any) -> Any:
    with kept_signal_stack():
        core = openvino.Core()
        core.get_property("CPU", "FULL_DEVICE_NAME")  # loads the plugin, here
        return core
