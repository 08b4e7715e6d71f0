# Additional base of a config that tracks its runs with MLflow.
#   _base_ = ["./segformer_b0.py", "../_base_/tracking/mlflow.py"]
#   pip install -e '.[mlflow]'
#   mlflow ui --backend-store-uri sqlite:///work_dirs/mlflow.db   # needs the package mlflow
track_mlflow = dict(
    type="MLflowVisBackend",
    exp_name="mmseg_splashkd",
    tracking_uri="sqlite:///work_dirs/mlflow.db",
    artifact_location="work_dirs/mlflow",
    # Logged as parameters; the whole config is the artifact config.py.
    tracked_config_keys=["model", "optim_wrapper", "randomness", "train_cfg"],
)
