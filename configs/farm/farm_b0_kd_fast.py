# Experiment 0616 on a drawn farm with every option that makes a step cheaper on a CPU: see
# docs/speed.md. Is it as good as in float32?
#   python tools/train.py configs/farm/farm_b0_kd_fast.py --cfg-options fold=0
_base_ = "./farm_b0_kd.py"
optim_wrapper = dict(type="CPUAmpOptimWrapper", optimizer=dict(fused=True))
model = dict(teacher_precision="bf16")
custom_hooks = [*_base_.custom_hooks, dict(type="ChannelsLastHook")]
train_pipeline = [dict(type="LoadImageOnce"), *_base_.train_pipeline[1:]]
train_dataloader = dict(dataset=dict(dataset=dict(pipeline=train_pipeline)))
