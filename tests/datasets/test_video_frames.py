"""What a file that is opened as a video may be."""

from typing import Any

import av
import pytest

from mmseg_splashkd.datasets.video_frames import CONTAINERS, open_video
from tests.deploy.watch.helpers import draw_video

LISTS = {
    "list.ffconcat": "ffconcat version 1.0\nfile other.ts\n",
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nother.ts\n"
    "#EXT-X-ENDLIST\n",
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_opens_no_other_file(tmp_path, name):
    draw_video(tmp_path / "other.ts", range(0, 2000, 40))
    path = tmp_path / name
    path.write_text(LISTS[name])
    with av.open(str(path)) as container:  # PyAV by itself does
        assert container.streams.video
    with (
        pytest.raises(ValueError, match=r"cannot be opened: it is no file that holds"),
        open_video(path),
    ):
        pass


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "avi", "ts", "gif"])
def test_usual_containers_are_opened(tmp_path, suffix):
    codec = {"webm": "libvpx", "gif": "gif"}.get(suffix, "mpeg4")
    path = tmp_path / f"a.{suffix}"
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=10)
        stream.width, stream.height = 32, 32
        stream.pix_fmt = "rgb8" if suffix == "gif" else "yuv420p"
        frame = av.VideoFrame(32, 32, stream.pix_fmt)
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    with open_video(path) as container:
        assert set(container.format.name.split(",")) <= set(CONTAINERS)
