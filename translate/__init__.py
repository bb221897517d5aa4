"""GANs: `translate.load(run_or_file)` gives a Translator of images, `translate.load_sampler(run_or_file)` a Sampler."""

__version__ = "0.1.0"


def load(model, **options):
    """Load a trained generator from a run folder, a generator file or a name in `pretrained/`; see Translator.load."""
    from translate.model.translator import Translator  # imports torch: only when it is needed

    return Translator.load(model, **options)


def load_sampler(model, **options):
    """Load a trained generator of images from random numbers, from the same places; see Sampler.load."""
    from translate.model.sampler import Sampler  # imports torch: only when it is needed

    return Sampler.load(model, **options)
