import pytest

from mmseg_splashkd.demo import demo

pytestmark = pytest.mark.slow


def test_demo_ends_with_table_and_page(tmp_path, capsys):
    options = {
        "train_cfg.max_iters": 2,
        "train_cfg.val_interval": 2,
        "train_dataloader.batch_size": 2,
    }

    def run():
        return demo(tmp_path / "pond", tmp_path / "runs", 31, (64, 80), options)

    page = run()
    printed = " ".join(capsys.readouterr().out.split())
    text = page.read_text()
    for title in ("SegFormer-B1, the teacher", "SegFormer-B0, plain", "distilled"):
        assert title in text
    for column in ("mIoU", "Dice", "Parameters", "GMACs", "ms/frame"):
        assert column in printed
    assert str(page) in printed.replace(" ", "")
    assert (page.parent / "hero.png").stat().st_size > 10_000

    records = {p: p.stat().st_mtime_ns for p in page.parent.glob("*/record.json")}
    assert len(records) == 3
    assert run() == page  # nothing changed, so nothing is trained again
    assert records == {p: p.stat().st_mtime_ns for p in records}
    assert capsys.readouterr().out.count("Kept ") == 3

    options["randomness.seed"] = 1
    run()
    assert not [p for p in records if records[p] == p.stat().st_mtime_ns]
