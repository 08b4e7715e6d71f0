# Drawn farm A for training and validation, and farm B, another camera, for the test.
#   python tools/make_demo_data.py data/farm_a --height 192 --width 320 --seed 1
#   python tools/make_demo_data.py data/farm_b --height 192 --width 320 --seed 2 --farm B
_base_ = "./farm_96x160.py"
source_root = "data/farm_a"
source_table = "frames.csv"
data_root = source_root
split_table = source_table
target_root = "data/farm_b"
target_table = "frames.csv"
embargo = "10s"
test_dataloader = dict(dataset=dict(data_root=target_root, split_table=target_table))
