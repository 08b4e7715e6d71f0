# The demo's drawn pond, whole frames resized to 192x128: minutes on a CPU.
_base_ = "./splash_1024.py"
data_root = "data/demo"
split_table = "frames.csv"
embargo = "10s"
size = (192, 128)  # width, height
train_dataloader = dict(num_workers=0, persistent_workers=False)
val_dataloader = dict(num_workers=0, persistent_workers=False)
test_dataloader = val_dataloader
