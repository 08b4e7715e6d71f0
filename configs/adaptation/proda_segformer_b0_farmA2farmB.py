# ProDA, stage 1: labels of farm B corrected by prototypes, from an adapted network.
#   python tools/train.py configs/adaptation/proda_segformer_b0_farmA2farmB.py \
#     --cfg-options load_from=FILE  # of adaptsegnet_segformer_b0_farmA2farmB.py
_base_ = "./minent_segformer_b0_farmA2farmB.py"
model = dict(
    method=dict(_delete_=True, type="PrototypeDenoising", average=0.99, momentum=0.99)
)
