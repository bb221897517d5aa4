"""Image-to-image translation and GANs: `translate.load(run_or_file)` returns a Translator, `translate.load_sampler` a
Sampler."""

__version__ = "0.1.0"


def load(model, **options):
    """Load a trained generator from a run folder, a generator file, a name of `translate zoo` or hf://user/name; see
    Translator.load."""
    from translate.model.translator import Translator  # imports torch, which takes seconds

    return Translator.load(model, **options)


def load_sampler(model, **options):
    """Load a trained GAN's generator (z → image) from the same places; see Sampler.load."""
    from translate.model.sampler import Sampler  # imports torch, which takes seconds

    return Sampler.load(model, **options)
