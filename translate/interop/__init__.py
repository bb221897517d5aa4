"""Networks of other programs: the layout of pytorch-CycleGAN-and-pix2pix, read (.pth → generator file) and written."""
