# Control: the loss of pays_cwd.py with the teacher's answers to other frames.
#   CAMVID_ROOT=... python tools/train.py configs/when_it_pays/pays_cwd_shuffled.py
_base_ = "./pays_cwd.py"
model = dict(teacher_control="shuffled")
