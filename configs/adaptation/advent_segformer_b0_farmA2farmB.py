# AdvEnt: self-information on farm B like that on farm A.
#   python tools/train.py configs/adaptation/advent_segformer_b0_farmA2farmB.py \
#     --cfg-options load_from=FILE
_base_ = "./minent_segformer_b0_farmA2farmB.py"
model = dict(
    method=dict(
        _delete_=True, type="Adversarial", weight=0.1, maps="entropy", channels=16
    )
)
