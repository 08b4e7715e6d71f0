# The plain student of the study on a drawn farm, from an encoder that BYOL has trained.
#   python tools/train.py configs/ssl/farm_b0_byol.py
_base_ = "../study/study_farm_b0.py"
start = dict(
    type="Pretrained",
    checkpoint="work_dirs/byol_b0_farm/iter_300.pth",
    prefix="backbone.",
)
model = dict(backbone=dict(init_cfg=dict(start, _delete_=True)))
