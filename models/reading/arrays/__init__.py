"""Sets of pictures that are stored as arrays: npz, IDX, CIFAR."""
