# Weights of the 11 classes of CamVid: the median of their frequencies over the frequency
# of each, on the training part (Eigen and Fergus, ICCV 2015), as
# configs/when_it_pays/README.md computes them.
class_weight = [
    0.279,
    0.202,
    4.789,
    0.149,
    1.0,
    0.424,
    3.846,
    1.98,
    0.789,
    6.385,
    8.819,
]
