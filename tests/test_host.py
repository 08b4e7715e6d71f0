import pytest

from mmseg_splashkd import _host

ONEDL = ("onedl-mmcv", "onedl-mmengine", "onedl-mmsegmentation")
ORIGINAL = ("mmcv", "mmengine", "mmsegmentation")


@pytest.fixture
def installed(monkeypatch):
    """Pretend that exactly these distributions are installed."""

    def pretend(*names: str) -> None:
        monkeypatch.setattr(_host, "_installed", lambda name: name in names)

    return pretend


@pytest.mark.parametrize("stack", [ONEDL, ORIGINAL])
def test_one_complete_stack_is_fine(installed, stack):
    installed(*stack)
    _host.check_host_stack()


def test_missing_stack_error_shows_how_to_install_one(installed):
    installed()
    with pytest.raises(ImportError, match=r"needs onedl-mmcv.*pip install -e '"):
        _host.check_host_stack()


@pytest.mark.parametrize("stack", [ONEDL, ORIGINAL])
def test_missing_part_is_named(installed, stack):
    installed(*stack[:2])
    with pytest.raises(ImportError, match=f"needs {stack[2]}\\."):
        _host.check_host_stack()


def test_two_stacks_over_each_other_are_refused(installed):
    installed(*ONEDL, "mmcv")
    with pytest.raises(
        ImportError, match=r"two distributions.*pip uninstall -y .* mmcv "
    ):
        _host.check_host_stack()


def test_the_installed_stack_is_detected():
    assert _host._installed("onedl-mmcv") != _host._installed("mmcv")
    assert not _host._installed("no-such-distribution")
