# Mean teacher with class mixing (the core of DAFormer).
#   python tools/train.py configs/adaptation/mean_teacher_segformer_b0_farmA2farmB.py \
#     --cfg-options load_from=FILE
_base_ = "./minent_segformer_b0_farmA2farmB.py"
model = dict(method=dict(_delete_=True, type="MeanTeacher", alpha=0.99))
