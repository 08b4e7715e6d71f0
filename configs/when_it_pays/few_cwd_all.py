# few_cwd.py that also learns from the frames without a label, with the teacher only: two
# of four in each batch.
#   CAMVID_FRAMES=... python tools/cache_teacher.py configs/when_it_pays/few_cwd_all.py
#   CAMVID_FRAMES=... python tools/train.py configs/when_it_pays/few_cwd_all.py
_base_ = "./few_cwd.py"
train_dataloader = dict(
    sampler=dict(unlabelled_share=0.5), dataset=dict(dataset=dict(unlabelled="include"))
)
teacher_cache = dict(dir="work_dirs/teacher_cache/few_all")
