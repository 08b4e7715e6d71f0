# ProDA, stages 2 and 3: the student's own label loss, cross-entropy with the teacher's
# labels above a probability of 0.95, and KL.
_base_ = "./half_kd.py"
distill_loss = dict(
    label_loss="student",
    terms=[dict(type="HardLabelLoss", threshold=0.95), dict(type="KLDLoss")],
)
