# The plain student of 0.055 M parameters on the few labelled frames of drawn recordings,
# with the temporal loss. Frames 1 s apart; those without a label are neighbours, too.
#   python benchmarks/ponds.py data/ponds_1s --interval 1  # then as for data/ponds
#   python tools/train.py configs/temporal/temporal_ponds_ce.py
_base_ = "../when_it_pays/ponds_few_ce.py"
data_root = "data/ponds_1s"
train_dataloader = dict(dataset=dict(dataset=dict(neighbour="2s")))
model = dict(
    type="TemporalEncoderDecoder",
    temporal_loss=dict(type="TemporalConsistencyLoss", weight=0.3),
)
custom_hooks = [*_base_.custom_hooks, dict(type="FlickerHook")]
