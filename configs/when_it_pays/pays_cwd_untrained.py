# Control: the loss of pays_cwd.py with a teacher of random weights.
#   CAMVID_ROOT=... python tools/cache_teacher.py configs/when_it_pays/pays_cwd_untrained.py
#   CAMVID_ROOT=... python tools/train.py configs/when_it_pays/pays_cwd_untrained.py
_base_ = "./pays_cwd.py"
model = dict(teacher_control="untrained", teacher_checkpoint=None)
teacher_cache = dict(dir="work_dirs/teacher_cache/pays_untrained")
