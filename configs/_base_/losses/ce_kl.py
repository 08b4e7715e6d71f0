# Cross-entropy of the labels and KL (T 1) of the teacher's logits.
_base_ = "./half_kd.py"
distill_loss = dict(label_loss="ce", terms=[dict(type="KLDLoss")])
