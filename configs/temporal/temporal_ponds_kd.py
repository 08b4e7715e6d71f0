# The same student, distilled by KL weighted by rarity on all frames, with the temporal
# loss.
#   python tools/train.py configs/when_it_pays/ponds_few_lite2.py \
#     --cfg-options data_root=data/ponds_1s
#   python tools/cache_teacher.py configs/temporal/temporal_ponds_kd.py
#   python tools/train.py configs/temporal/temporal_ponds_kd.py
_base_ = "../when_it_pays/ponds_few_cwd.py"
data_root = "data/ponds_1s"
train_dataloader = dict(dataset=dict(dataset=dict(neighbour="2s")))
model = dict(
    type="TemporalDistillSegmentor",
    distill_loss=dict(terms=[dict(type="RarityKLDLoss")]),
    temporal_loss=dict(type="TemporalConsistencyLoss", weight=0.3),
)
teacher_cache = dict(dir="work_dirs/teacher_cache/temporal_ponds")
custom_hooks = [*_base_.custom_hooks, dict(type="FlickerHook")]
