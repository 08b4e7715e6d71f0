import logging

import pytest

from mmseg_splashkd.runs.quiet_optimizer import quiet_optimizer


def test_one_line_in_place_of_those_of_each_parameter(distilled):
    (log,) = distilled.glob("2*/*.log")
    text = log.read_text()
    assert "paramwise_options" not in text
    assert "FileClient" not in text
    (line,) = [each for each in text.splitlines() if " optimizer: " in each]
    assert "parameters of lr 0.001, weight_decay 0.01" in line
    assert "parameters of lr 0.001, weight_decay 0" in line


def test_other_lines_stay(caplog: pytest.LogCaptureFixture):
    logger = logging.getLogger("quiet")
    with caplog.at_level(logging.INFO), quiet_optimizer(logger) as summarise:
        logger.info("paramwise_options -- a.bias:lr=0.1")
        logger.warning("a.weight is skipped since its requires_grad=False")
        logger.info("kept")
        summarise(None)
    logger.info("paramwise_options -- of another")
    texts = [record.getMessage() for record in caplog.records]
    assert texts[:2] == ["kept", "optimizer: ; 1 frozen"]
