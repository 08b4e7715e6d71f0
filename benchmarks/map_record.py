"""Cell of docs/when_it_pays.md with the six experiments of the record."""

from map_cell import Arm, Cell

FARM = "configs/farm/farm_"
EXPERIMENTS = {
    "0520": "_none",
    "0604": "_both_pe1",
    "0610": "_pe05",
    "0616": "",
    "0621": "_pe1",
    "0627": "_pe001",
}
RECORD = Cell(
    name="record",
    title="The six experiments of the record on the same recordings, SegFormer-B1 "
    "(trained with cross-entropy) to B0, 1,000 iterations from scratch "
    "in bfloat16. All have the rate of the plain student.",
    metric="OperatingPoint.Dice",
    tested="Dice.splash",
    plain=f"{FARM}b0.py",
    teacher=f"{FARM}b1.py",
    arms={
        "plain": Arm(kind="plain"),
        **{
            name: Arm(
                f"{FARM}b0_kd{end}.py",
                {"teacher_cache.views": 5, "teacher_cache.store": "logits"},
                teacher=True,
                cached=True,
            )
            for name, end in EXPERIMENTS.items()
        },
    },
    rates=(1e-3, 2e-3, 4e-3),
    tuned=("plain",),  # as in the record, where one rate served all
    shared={
        "data_root": "data/ponds",
        "split_table": "split.csv",
        "max_iters": 1000,
        "warmup": 30,
        "train_cfg.val_interval": 1000,
        "default_hooks.checkpoint.interval": 1000,
        "optim_wrapper.type": "CPUAmpOptimWrapper",
        "train_dataloader.sampler.views": 5,
        "train_dataloader.sampler.view_seed": 0,
        "train_dataloader.dataset.keep_views": 1000,
    },
    options={"train_cfg.val_interval": 200},
    teacher_options={
        "max_iters": 1500,
        "train_cfg.val_interval": 1500,
        "model.decode_head.loss_decode.gamma": 0.0,
    },
    threshold="stored",
    seeds=(0, 1, 2),
)
