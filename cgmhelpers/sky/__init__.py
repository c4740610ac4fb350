"""From the sky: what an observatory sees of a halo, its files, and what a network says of them.

Its files, each of which imports only those above it:

- `responses`: absorption, effective areas, point-spread functions, and their files
- `instruments`: X-ray and HI instruments, every number with its source
- `observing`: maps of halos as instruments see them, at a redshift, with noise
- `files`: a halo observed at a position, in files as observatories deliver them
- `images`: images of observatories, and what they say of themselves
- `frames`: images, brought to the frame of a network
- `cutting`: sources, regions and masks, cut out of the frame
- `looking`: the files of one object to what a network is given, or a refusal that says why
- `planning`: how deep to look: widths of posteriors against exposure and noise
- `report`: a page about one object
- `preparing`: a network, and all that is kept beside it
- `inferring`: from files to a posterior, with such a network
- `stacking`: many faint objects: mean and scatter of a property in their population
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "cutting",
        "files",
        "frames",
        "images",
        "inferring",
        "instruments",
        "looking",
        "observing",
        "planning",
        "preparing",
        "report",
        "responses",
        "stacking",
    ],
    submod_attrs={
        "inferring": ["infer", "summary"],
        "instruments": ["HIInstrument", "SHIPPED", "XrayInstrument"],
        "looking": ["look"],
        "observing": ["Observation", "View"],
        "planning": ["depth_for", "posteriors", "unseen_halos", "widths"],
        "preparing": ["prepare"],
        "stacking": ["stack"],
    },
)
