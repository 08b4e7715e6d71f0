# AdamW in the place of Adam: decoupled weight decay 0.01.
#   python tools/train.py configs/baselines/deeplabv3plus_r50_adamw_trash.py
_base_ = "./deeplabv3plus_r50_trash.py"
optim_wrapper = dict(optimizer=dict(type="AdamW", weight_decay=0.01))
