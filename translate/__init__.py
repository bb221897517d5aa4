"""Image-to-image translation: pix2pix and CycleGAN. `translate.load(run_or_file)` gives a Translator."""

__version__ = "0.1.0"


def load(model, **options):
    """Load a trained generator from a run folder, a generator file or a name in `pretrained/`; see Translator.load."""
    from translate.translator import Translator  # imports torch: only when it is needed

    return Translator.load(model, **options)
