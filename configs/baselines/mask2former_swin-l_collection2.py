# Mask2Former Swin-L on natural scenes, collection 2: also colour jitter and random crops;
# 0.75 focal and 0.25 Dice loss, cosine annealing, smaller weight decay, tighter clipping.
#   python tools/train.py configs/baselines/mask2former_swin-l_collection2.py
# Needs transformers: pip install -e '.[transformers]'
_base_ = "./mask2former_swin-l.py"
model = dict(
    decode_head=dict(
        loss_decode=[
            dict(type="SoftmaxFocalLoss", gamma=2.0, loss_weight=0.75),
            dict(type="DiceLoss", use_sigmoid=False, loss_weight=0.25),
        ]
    )
)
train_pipeline = [
    *_base_.train_pipeline[:3],
    dict(type="RandomCrop", crop_size=(512, 512), cat_max_ratio=0.75),
    dict(type="PhotoMetricDistortion"),
    *_base_.train_pipeline[3:],
]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
optim_wrapper = dict(
    optimizer=dict(lr=1e-4, weight_decay=0.001), clip_grad=dict(max_norm=0.1)
)
param_scheduler = dict(
    _delete_=True,
    type="CosineAnnealingLR",
    T_max=_base_.max_iters,
    eta_min=0.0,
    by_epoch=False,
)
