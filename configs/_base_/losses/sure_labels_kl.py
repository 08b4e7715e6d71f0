# ProDA, stages 2 and 3: the student's own label loss, cross-entropy with the teacher's
# labels, and KL. Those above a probability of 0.6 are learnt; 0.95 in the paper, which
# small networks give to no splash.
_base_ = "./half_kd.py"
distill_loss = dict(
    label_loss="student",
    terms=[dict(type="HardLabelLoss", threshold=0.6), dict(type="KLDLoss")],
)
