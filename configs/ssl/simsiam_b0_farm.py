# SimSiam (Chen and He, CVPR 2021) on the same frames as BYOL, without a second network.
#   python tools/train.py configs/ssl/simsiam_b0_farm.py --work-dir work_dirs/simsiam_b0_farm
_base_ = "./byol_b0_farm.py"
parts = dict(_base_.model)
parts.pop("base_momentum")
neck = dict(num_layers=3, with_last_bn=True, with_last_bn_affine=False)
parts.update(type="mmpretrain.SimSiam", neck=dict(parts["neck"], **neck))
model = dict(parts, _delete_=True)
model["head"]["predictor"]["hid_channels"] = 64  # a bottleneck, as in the paper
