# Farm A with labels, each frame beside one of farm B, whose labels are not used.
_base_ = "./two_farms.py"
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
