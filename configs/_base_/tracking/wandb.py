# Additional base of a config that tracks its runs with Weights & Biases.
#   _base_ = ["./segformer_b0.py", "../_base_/tracking/wandb.py"]
#   pip install -e '.[wandb]'
#   wandb login   # or WANDB_MODE=offline
track_wandb = dict(type="WandbVisBackend", init_kwargs=dict(project="mmseg_splashkd"))
