# Few labels and many unlabelled frames, on which the study's student on farm learns
# from the teacher only. benchmarks/hide_labels.py writes few.csv.
#   python tools/cache_teacher.py configs/study/study_farm_b0_kd_unlabelled.py
#   python tools/train.py configs/study/study_farm_b0_kd_unlabelled.py
_base_ = "./study_farm_b0_kd.py"
train_dataloader = dict(
    sampler=dict(unlabelled_share=0.75),
    dataset=dict(dataset=dict(split_table="few.csv", unlabelled="include")),
)
model = dict(
    teacher_checkpoint="work_dirs/study_farm_few_b1/weights_*_best.safetensors"
)
teacher_cache = dict(dir="work_dirs/teacher_cache/study_farm_unlabelled")
