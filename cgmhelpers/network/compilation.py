"""Compilation of a network by torch: whether it pays, and where its results are kept.

Inductor, torch's compiler, needs half a minute and more for a network, and a few seconds where its
cache holds the same network at the same size of maps, whatever the batch size. The cache is in the
cache folder of this library, so that all trainings share it.
"""

import functools
import logging
import os

import torch

from cgmhelpers.system import files

log = logging.getLogger(__name__)
FLOP_PER_IMAGE = 1.2e9
"""Operations of a training step for one map of 128 pixels and 12 channels, forward and backward."""
FLOP_PER_SECOND = 6e10
"""Rate of a training on one thread, measured on a processor with AVX2."""
SAVED = {"one thread": 0.03, "several threads": 0.2, "GPU": 0.2}
"""Share of the time that compiled networks save, measured for processors and assumed for a GPU."""
COST = 60.0
"""Seconds to compile a network with an empty cache."""


def compile_network(network, settings, images):
    """Compile a network if the settings ask for it, or if they leave it open and it pays.

    A compiled network gives the results of the plain one but for rounding, dropout included. A
    network that can't be compiled stays as it is, with a warning where the settings asked for it.

    Parameters
    ----------
    network : MomentNetwork
        Compiled in place.
    settings : TrainingSettings
        ``compiled`` None decides by `pays`, which depends on nothing that varies between runs.
    images : int
        Maps that the training still goes through, over all its epochs.

    Returns
    -------
    bool
        Whether the network is compiled.
    """
    asked = settings.compiled
    if asked is None:
        asked, reason = pays(network, settings, images)
        log.info(reason)
    if not asked:
        return False
    _use_cache()
    fault = _fault()
    if fault:
        level = logging.WARNING if settings.compiled else logging.INFO
        log.log(
            level, "The network isn't compiled: torch's compiler doesn't work here (%s).", fault
        )
        return False
    # One compilation for the two batch sizes of an epoch and those of the validation.
    # Thread numbers stay out of the code, which the cache gives to trainings with other numbers.
    options = {"fallback_random": True, "cpp.dynamic_threads": True}
    network.compile(dynamic=True, options=options)
    return True


def pays(network, settings, images):
    """Tell whether compilation saves at least twice the time that it costs.

    Parameters
    ----------
    network : MomentNetwork
    settings : TrainingSettings
    images : int
        Maps that the training still goes through, over all its epochs.

    Returns
    -------
    pays : bool
    reason : str
        One sentence.
    """
    if settings.devices > 1:
        return False, "Compilation isn't tried: several devices share the training."
    threads = settings.threads or torch.get_num_threads()
    gpu = settings.accelerator != "cpu" and torch.cuda.is_available()
    kind = "GPU" if gpu else "several threads" if threads > 1 else "one thread"
    share = (network.size / 128) ** 2 * (network.channels / 12) ** 2
    # A GPU does at least a hundred times the work of a thread.
    rate = FLOP_PER_SECOND * (100 if gpu else min(threads, 8))
    seconds = images * FLOP_PER_IMAGE * share / rate
    saved = seconds * SAVED[kind]
    wins = saved > 2 * COST
    return wins, (
        f"Compilation {'pays' if wins else 'does not pay'}: of about {seconds:.0f} s of training "
        f"({kind}) it would save {saved:.0f} s, and it costs up to {COST:.0f} s."
    )


def _use_cache():
    """Point inductor to this library's cache folder, unless the user chose another."""
    if "TORCHINDUCTOR_CACHE_DIR" in os.environ:
        return
    folder = files.cache_folder() / "inductor"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if writable:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder)
    else:
        log.info("%s isn't writable: compiled networks are kept in torch's temporary one.", folder)


@functools.cache
def _fault():
    """Compile a tiny function; return the message of its error, or None."""
    try:
        torch.compile(torch.sin)(torch.ones(32))
    except Exception as error:  # torch's compiler raises many kinds: no compiler, no headers, ...
        return str(error).strip().split("\n")[0] or type(error).__name__
    return None
