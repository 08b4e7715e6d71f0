# Label loss and KL divergence with equal weights, not modulated. Configs that inherit
# this loss set the label loss.
distill_loss = dict(type="FocalModulatedKDLoss", teacher_ratio=0.5, modulate="none")
