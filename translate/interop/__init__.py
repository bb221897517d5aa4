"""Networks of other programs: reads and writes the .pth layout of pytorch-CycleGAN-and-pix2pix."""
