import pytest
import torch
from mmengine.structures import PixelData
from mmseg.structures import SegDataSample

from mmseg_splashkd.teacher_cache import CachedTeacher


@pytest.mark.parametrize("half", [False, True])
def test_logits_are_read_in_float32_also_in_mixed_precision_on_a_cpu(half):
    teacher = CachedTeacher("nowhere")
    teacher.header = {"num_classes": 2}
    stored = torch.randn(3, 1, 4, 5, generator=torch.Generator().manual_seed(0)).half()
    samples = [SegDataSample(teacher_logits=PixelData(data=each)) for each in stored]
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        logits = teacher.outputs(samples).logits
    assert logits.dtype == torch.float32
    assert torch.equal(logits[:, 1:], stored.float())
    assert not logits[:, 0].any()
