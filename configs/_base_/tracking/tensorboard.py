# One more base of a config lets its runs write event files beside their logs:
#   _base_ = ["./segformer_b0.py", "../_base_/tracking/tensorboard.py"]
#   pip install -e '.[tensorboard]'
#   tensorboard --logdir work_dirs
track_tensorboard = dict(type="TensorboardVisBackend")
