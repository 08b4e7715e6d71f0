# AdamP (Heo et al., ICLR 2021) by timm in the place of Adam.
#   python tools/train.py configs/baselines/deeplabv3plus_r50_adamp_trash.py
# Needs timm: pip install -e '.[timm]'
_base_ = "./deeplabv3plus_r50_trash.py"
optim_wrapper = dict(optimizer=dict(type="timm.optim.AdamP"))
