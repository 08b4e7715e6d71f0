# The labelled frames of a day, each beside one of dusk, whose labels are not used.
_base_ = "./camvid_shift.py"
train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type="SourceTargetDataset",
            source=_base_.train_dataloader.dataset.dataset,
            target=dict(
                _base_.train_dataloader.dataset.dataset,
                data_root=_base_.target_root,
                split_table=_base_.target_table,
                unlabelled="include",
            ),
        )
    )
)
