# Cross-entropy of the labels and KL (T 1) of the teacher's logits, whose pixels are
# weighted by the rarity of the teacher's class.
_base_ = "./half_kd.py"
distill_loss = dict(label_loss="ce", terms=[dict(type="RarityKLDLoss")])
