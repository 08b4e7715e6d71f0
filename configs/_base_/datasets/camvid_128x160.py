# CamVid, 11 classes, whole frames resized to 160x128: small enough for a CPU.
# data_root: output of tools/convert_dataset.py camvid, with the official parts.
_base_ = "./splash_1024.py"
data_root = "{{$CAMVID_FRAMES:data/camvid_frames}}"
split_table = "frames.csv"
label_coding = "camvid"
size = (160, 128)  # width, height
train_dataloader = dict(batch_size=8, num_workers=0, persistent_workers=False)
val_dataloader = dict(num_workers=0, persistent_workers=False)
test_dataloader = val_dataloader
