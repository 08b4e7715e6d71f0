# Cross-entropy of the labels and CWD (T 4, weight 3) of the teacher's logits.
_base_ = "./half_kd.py"
distill_loss = dict(
    label_loss="ce", terms=[dict(type="CWDLoss", temperature=4.0, weight=3.0)]
)
