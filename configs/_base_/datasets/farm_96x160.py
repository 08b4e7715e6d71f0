# A drawn farm in the rain, whole frames resized to 160x96: small enough for a CPU.
#   python tools/make_demo_data.py data/farm --frames 400 --height 192 --width 320 \
#     --weather rain --seed 3
#   python tools/split_dataset.py data/farm --ratios .5 .2 .3 --embargo 10s \
#     --out data/farm/split.csv
_base_ = "./splash_1024.py"
data_root = "data/farm"
split_table = "split.csv"
size = (160, 96)  # width, height
train_dataloader = dict(batch_size=8, num_workers=0, persistent_workers=False)
val_dataloader = dict(num_workers=0, persistent_workers=False)
test_dataloader = val_dataloader
