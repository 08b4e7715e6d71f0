import inspect
import json
from pathlib import Path

import numpy as np
import pytest

from mmseg_splashkd.datasets.converters import CONVERTERS, camvid
from mmseg_splashkd.datasets.label_coding import load_label_coding, read_gray
from mmseg_splashkd.datasets.split_table import read_table
from tests.datasets.builders import stamp, write_frame, write_label
from tests.tools import run_tool
from tools.convert_dataset import OPTIONS, main, parse_args


@pytest.fixture
def src(tmp_path: Path) -> Path:
    for number in range(6):
        folder = tmp_path / "src" / f"V-0{1 + number % 2}"
        write_frame(folder / "image" / f"{stamp(number)}.png", number)
        label = np.full((12, 16), number, np.uint8)
        write_label(folder / "indexLabel" / f"{stamp(number)}.png", label)
    return tmp_path / "src"


def test_the_tool_converts_and_prints_counts(src, tmp_path, capsys):
    main(["wildscenes", str(src), str(tmp_path / "dst")])
    printed = capsys.readouterr().out
    assert "6 frames in 2 recordings, 6 labels" in printed
    assert str(tmp_path / "dst" / "frames.csv") in printed
    about = json.loads((tmp_path / "dst" / "about.json").read_text())
    assert about["converter"] == about["label_coding"] == "wildscenes"
    assert about["source"] == str(src)
    assert about["options"] == {}
    main(["wildscenes", str(src), str(tmp_path / "dst")])
    assert "converted already" in capsys.readouterr().out


def test_a_bad_label_is_left_out_on_request(src, tmp_path, capsys):
    bad = src / "V-01" / "indexLabel" / f"{stamp(0)}.png"
    bad.write_bytes(bad.read_bytes()[:40])
    with pytest.raises(ValueError, match=bad.name):
        main(["wildscenes", str(src), str(tmp_path / "dst")])
    main(["wildscenes", str(src), str(tmp_path / "other"), "--skip-bad"])
    assert "6 frames in 2 recordings, 5 labels" in capsys.readouterr().out
    assert bad.name in (tmp_path / "other" / "about.json").read_text()


@pytest.mark.parametrize("inside", ["", "V-01/image/out"])
def test_a_destination_inside_the_source_is_rejected(src, inside):
    with pytest.raises(ValueError, match=r"DST=.* lies in SRC="):
        main(["wildscenes", str(src), str(src / inside)])
    assert not (src / "V-01" / "image" / "out").exists()


def test_no_file_contains_absolute_paths(src, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["wildscenes", "src", "dst"])
    for name in ("about.json", "frames.csv", ".conversion.json"):
        assert str(tmp_path) not in (tmp_path / "dst" / name).read_text()


def test_options_reach_the_converter_and_about_json(src, tmp_path):
    dst = tmp_path / "dst"
    main(["wildscenes", str(src), str(dst), "--recordings", "V-02"])
    assert len(read_table(dst / "frames.csv")) == 3
    about = json.loads((dst / "about.json").read_text())
    assert about["options"] == {"recordings": ["V-02"]}
    with pytest.raises(FileExistsError, match=r"options was .*V-02.*--force"):
        main(["wildscenes", str(src), str(dst)])
    main(["wildscenes", str(src), str(dst), "--force"])
    assert len(read_table(dst / "frames.csv")) == 6


def test_another_label_coding_can_be_named(src, tmp_path):
    with pytest.raises(ValueError, match="outside the table: 2 "):
        main(["wildscenes", str(src), str(tmp_path / "a"), "--label-coding", "splash"])
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "classes: [a]\npalette: [[1, 1, 1]]\ngray_to_train_id: {0: 0}\nunknown: 255\n"
    )
    main(["wildscenes", str(src), str(tmp_path / "b"), "--label-coding", str(mine)])
    about = json.loads((tmp_path / "b" / "about.json").read_text())
    assert (about["classes"], about["unknown"]) == (["a"], 255)


def test_an_interrupt_prints_how_to_continue(src, tmp_path, monkeypatch):
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    dst = tmp_path / "dst"
    with monkeypatch.context() as patch:
        patch.setattr("shutil.copyfile", stop)
        with pytest.raises(SystemExit, match="to continue"):
            main(["wildscenes", str(src), str(dst)])
    main(["wildscenes", str(src), str(dst)])
    assert len(read_table(dst / "frames.csv")) == 6


def test_every_converter_has_options_and_an_existing_label_coding():
    assert OPTIONS.keys() == CONVERTERS.keys()
    for converter in CONVERTERS.values():
        load_label_coding(converter.label_coding)


@pytest.mark.parametrize("name", list(CONVERTERS))
def test_help_of_each_shows_the_layout(name: str, capsys):
    with pytest.raises(SystemExit) as stopped:
        parse_args([name, "--help"])
    assert stopped.value.code == 0
    printed = capsys.readouterr().out
    assert CONVERTERS[name].layout in printed
    assert "--force" in printed


def test_options_of_published_sets():
    args = parse_args(["camvid", "a", "b", "--parts", "none", "--fps", "30000/1001"])
    assert (args.parts, args.fps) == ("none", "30000/1001")
    assert not hasattr(parse_args(["camvid", "a", "b"]), "parts")
    options = ["--splits", "train", "val", "--recording", "city", "--fps", "10"]
    options += ["--image-folder", "rgb", "--label-folder", "gt"]
    options += ["--image-suffix", ".jpg", "--label-suffix", ".png"]
    args = parse_args(["cityscapes", "a", "b", *options])
    assert args.splits == ["train", "val"]
    assert (args.image_folder, args.label_folder) == ("rgb", "gt")
    assert (args.image_suffix, args.label_suffix) == (".jpg", ".png")
    with pytest.raises(SystemExit):
        parse_args(["camvid", "a", "b", "--parts", "all"])
    with pytest.raises(SystemExit):
        parse_args(["nothing", "a", "b"])


def test_words_and_pairs():
    args = parse_args(
        ["coco", "a", "b", "--annotations", "x.json", "--categories", "taco"]
    )
    assert (args.annotations, args.categories) == ("x.json", "taco")
    options = ["--annotations", "train=t.json", "val=v.json", "--images", "train=x"]
    options += ["--categories", "Food Can=metal", "--start", "5", "--fps", "1/3"]
    args = parse_args(["coco", "a", "b", *options])
    assert args.annotations == {"train": "t.json", "val": "v.json"}
    assert (args.images, args.categories) == ({"train": "x"}, {"Food Can": "metal"})
    assert (args.start, args.fps) == (5, "1/3")
    options = ["--timestamp", "name=frame", "fps=30", "stem=(?P<stamp>[0-9]+)"]
    args = parse_args(["masks", "a", "b", *options, "--names", "foam=splash"])
    assert args.timestamp == {"name": "frame", "fps": 30, "stem": "(?P<stamp>[0-9]+)"}
    assert args.names == {"foam": "splash"}
    args = parse_args(["video", "a", "b", "--start", "x=2024-05-01T08:00:00", "y=1.5"])
    assert args.start == {"x": "2024-05-01T08:00:00", "y": "1.5"}
    assert not hasattr(args, "accept_damaged")


@pytest.mark.parametrize(
    "command",
    [
        "masks a b --names foam",
        "coco a b --annotations x.json val=v.json",
        "coco a b --annotations x.json y.json",
    ],
)
def test_invalid_arguments_are_rejected(command: str):
    with pytest.raises(SystemExit):
        parse_args(command.split())


def test_two_steps_of_a_video_are_rejected(tmp_path):
    words = ["video", str(tmp_path / "a.mp4"), str(tmp_path / "b")]
    with pytest.raises(ValueError, match="every= or seconds_between=, not both"):
        main([*words, "--every", "2", "--seconds-between", "1"])


def test_options_are_arguments_of_the_converter():
    for name, added in OPTIONS.items():
        options = {option[2:].replace("-", "_") for option in added}
        arguments = set(inspect.signature(CONVERTERS[name].read).parameters)
        writer = {"skip_bad"} - arguments  # of labels that are read when written
        assert options - writer == arguments - {"src", "coding"}, name
        assert ("coding" in arguments) == CONVERTERS[name].paints


def test_painted_labels_use_the_label_coding(tmp_path):
    write_frame(tmp_path / "src" / "JPEGImages" / f"{stamp(0)}.png", 0)
    mask = np.zeros((12, 16, 3), np.uint8)
    mask[:6] = 9
    write_label(tmp_path / "src" / "SegmentationClass" / f"{stamp(0)}.png", mask)
    table = "background:0,0,0::\nfoam:9,9,9::\n"
    (tmp_path / "src" / "labelmap.txt").write_text(table)
    words = ["masks", str(tmp_path / "src"), str(tmp_path / "dst")]
    main([*words, "--names", "foam=splash"])
    (frame,) = read_table(tmp_path / "dst" / "frames.csv")
    assert (frame.recording, frame.splash_share) == ("src", 0.5)
    assert set(read_gray(frame.label).ravel()) == {0, 255}


def test_a_video_is_converted(tmp_path):
    av = pytest.importorskip("av")
    with av.open(str(tmp_path / "pond.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 32, 16, "yuv420p"
        for number in range(6):
            pixels = np.full((16, 32, 3), 40 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    words = ["video", str(tmp_path / "pond.mp4"), str(tmp_path / "dst")]
    main([*words, "--every", "2", "--start", "1714521600"])
    frames = read_table(tmp_path / "dst" / "frames.csv")
    assert [(f.recording, f.timestamp - 1714521600 * 10**9) for f in frames] == [
        ("pond", 0),
        ("pond", 200_000_000),
        ("pond", 400_000_000),
    ]
    assert {(frame.label, frame.splash_share) for frame in frames} == {("", None)}


def test_errors_end_the_command_with_a_message(tmp_path, monkeypatch):
    with pytest.raises(SystemExit) as stopped:
        run_tool("convert_dataset.py", "camvid", tmp_path, "x")
    message = str(stopped.value.code)  # printed to stderr, exit status 1
    assert message.startswith("cannot convert: ")
    assert message.endswith(f"holds nothing. {camvid.LAYOUT}")
