# Label loss and KL divergence with equal weights, not modulated. The label loss is set
# by the config that inherits it.
distill_loss = dict(type="FocalModulatedKDLoss", teacher_ratio=0.5, modulate="none")
