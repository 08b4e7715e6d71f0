# Runtime of every config: safe checkpoints, a fixed seed, best and last weights exported.
_base_ = ["./hardened_runtime.py"]
default_scope = "mmseg"
runner_type = "RecordedRunner"  # as by our tools where those of others train
randomness = dict(seed=0)
env_cfg = dict(
    cudnn_benchmark=True,
    mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0),
    dist_cfg=dict(),
)
model_wrapper_cfg = dict(
    type="MMDistributedDataParallel",
    broadcast_buffers=False,  # batch-norm statistics are synchronised, not copied
    find_unused_parameters=False,
)
sync_bn = "torch"

default_hooks = dict(
    timer=dict(type="IterTimerHook"),
    logger=dict(type="LoggerHook", interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type="ParamSchedulerHook"),
    checkpoint=dict(
        type="CheckpointHook",
        by_epoch=False,
        interval=1000,
        save_best="OperatingPoint.Dice",  # of the focus class, whatever its name
        rule="greater",
        max_keep_ckpts=1,
    ),
    sampler_seed=dict(type="DistSamplerSeedHook"),
)
custom_hooks = [
    dict(type="IterationSeedHook"),
    dict(type="SyncBatchNormHook"),
    dict(type="ClassesHook"),
    dict(type="TeacherGateHook"),
    dict(type="DistillLossHook"),
    dict(type="FrameScoresHook"),
    dict(type="ExportWeightsHook"),
    dict(type="VariablesHook"),
]

visualizer = dict(
    type="SegLocalVisualizer", vis_backends=[dict(type="LocalVisBackend")]
)
log_processor = dict(by_epoch=False)
log_level = "INFO"
load_from = None
resume = False
tta_model = dict(type="SegTTAModel")
