# Additional base of a config that writes event files beside the logs of its runs.
#   _base_ = ["./segformer_b0.py", "../_base_/tracking/tensorboard.py"]
#   pip install -e '.[tensorboard]'
#   tensorboard --logdir work_dirs
track_tensorboard = dict(type="TensorboardVisBackend")
