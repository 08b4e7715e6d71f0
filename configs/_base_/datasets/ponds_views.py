# Six drawn recordings, two farms on a clear day, in the rain, and in the rain at night,
# whole frames resized to 160x96, in five fixed views of each training frame.
#   python benchmarks/ponds.py data/ponds
#   python tools/split_dataset.py data/ponds --strategy per-recording \
#     --ratios .5 .2 .3 --embargo 10s --out data/ponds/split.csv
_base_ = "./farm_96x160.py"
data_root = "data/ponds"
train_dataloader = dict(sampler=dict(views=5, view_seed=0))
