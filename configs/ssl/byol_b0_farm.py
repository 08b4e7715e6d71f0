# BYOL on the unlabelled training frames of a drawn farm, for the encoder of SegFormer-B0.
#   python tools/train.py configs/ssl/byol_b0_farm.py --work-dir work_dirs/byol_b0_farm
_base_ = [
    "../_base_/models/byol_b0.py",
    "../_base_/loaders/two_views.py",
    "../_base_/schedules/adamw_scratch_300.py",
    "../_base_/default_runtime.py",
]
data_root = "data/farm"
split_table = "split.csv"
view_size = 64
train_dataloader = dict(batch_size=16, num_workers=0, persistent_workers=False)
val_cfg = None
test_cfg = None
default_hooks = dict(
    logger=dict(interval=25), checkpoint=dict(interval=300, save_best=None)
)
