# Runtime of dense regression: the default one without what needs classes.
_base_ = "./default_runtime.py"
default_hooks = dict(checkpoint=dict(save_best="Grasp.success"))
custom_hooks = [
    dict(type="IterationSeedHook"),
    dict(type="SyncBatchNormHook"),
    dict(type="ExportWeightsHook"),
]
tta_model = None
