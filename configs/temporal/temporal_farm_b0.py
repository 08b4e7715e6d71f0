# The plain student of the study on farm, which also learns to agree between frames.
#   python tools/train.py configs/temporal/temporal_farm_b0.py
_base_ = "../study/study_farm_b0.py"
train_dataloader = dict(dataset=dict(dataset=dict(neighbour="4s")))  # frames: 3 s
model = dict(
    type="TemporalEncoderDecoder",
    temporal_loss=dict(type="TemporalConsistencyLoss", weight=1.0),
)
custom_hooks = [*_base_.custom_hooks, dict(type="FlickerHook")]
