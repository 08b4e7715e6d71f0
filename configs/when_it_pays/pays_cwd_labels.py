# Control: the loss of pays_cwd.py with one-hot labels in the teacher's place.
#   CAMVID_ROOT=... python tools/train.py configs/when_it_pays/pays_cwd_labels.py
_base_ = "./pays_cwd.py"
model = dict(teacher="labels", teacher_checkpoint=None)
teacher_cache = None
