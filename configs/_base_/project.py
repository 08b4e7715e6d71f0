# What the configs of a project have in common (tools/new_project.py); its plan.json sets
# frames, sizes and schedule.
_base_ = ["./loaders/time_split.py", "./default_runtime.py"]
