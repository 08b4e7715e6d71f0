# AdaptSegNet, one level, least squares: probabilities on farm B like those on farm A.
#   python tools/train.py configs/adaptation/adaptsegnet_segformer_b0_farmA2farmB.py \
#     --cfg-options load_from=FILE
_base_ = "./minent_segformer_b0_farmA2farmB.py"
model = dict(
    method=dict(_delete_=True, type="Adversarial", weight=0.1, kind="ls", channels=16)
)
