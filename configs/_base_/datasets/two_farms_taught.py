# Farm A with labels and, without its labels, farm B: half of each batch is of each.
_base_ = "./two_farms.py"
train_dataloader = dict(
    sampler=dict(unlabelled_share=0.5),
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type="ConcatDataset",
            datasets=[
                _base_.train_dataloader.dataset.dataset,
                dict(
                    _base_.train_dataloader.dataset.dataset,
                    data_root=_base_.target_root,
                    split_table=_base_.target_table,
                    unlabelled="all",
                ),
            ],
        )
    ),
)
