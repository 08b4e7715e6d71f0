# The six drawn recordings of ponds_views.py, where 1 training frame in 16 has a label;
# the others are left out. Without a teacher's cache every view is a new one.
#   python benchmarks/hide_labels.py data/ponds/split.csv --every 16 \
#     --out data/ponds/few16.csv
_base_ = "./ponds_views.py"
split_table = "few16.csv"
train_dataloader = dict(
    sampler=dict(views=None, view_seed=None),
    dataset=dict(dataset=dict(unlabelled="skip")),
)
