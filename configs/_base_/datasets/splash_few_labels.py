# Splash frames of splash_1024.py, of which most have no label. Those are left out here;
# a student that is taught includes them in its training.
_base_ = "./splash_1024.py"
train_dataloader = dict(dataset=dict(dataset=dict(unlabelled="skip")))
val_dataloader = dict(dataset=dict(unlabelled="skip"))
test_dataloader = val_dataloader
