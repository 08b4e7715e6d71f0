# The loss of experiment 0616: (1 - r) L_orig + r m L_dist, with r = 0.5, focal loss and
# KL divergence at temperature 1.
distill_loss = dict(
    type="FocalModulatedKDLoss",
    teacher_ratio=0.5,
    label_loss="focal",
    gamma=2.0,
    temperature=1.0,
    modulate="kd",
)
