# Focal loss alone, gamma 2; the notes found it far behind cross-entropy.
#   python tools/train.py configs/baselines/deeplabv3plus_r50_focal_trash.py
_base_ = "./deeplabv3plus_r50_trash.py"
focal = dict(_delete_=True, type="SoftmaxFocalLoss", gamma=2.0)
model = dict(
    decode_head=dict(loss_decode=focal),
    auxiliary_head=dict(loss_decode=dict(focal, loss_weight=0.4)),
)
