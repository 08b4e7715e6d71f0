# One line for any config of MMSegmentation: runs that survive kills, and run no code of files.
#   _base_ = ["mmseg::segformer/...py", "<this repository>/configs/_base_/hardened_runtime.py"]
custom_imports = dict(imports=["mmseg_splashkd"])
runner_type = "SafeRunner"  # checkpoints whole, resumed from the newest that is whole
