"""From the sky: what an observatory sees of a halo, its files, and what a network says of them.

Its files, each of which imports only those above it:

- `responses`: absorption, effective areas, point-spread functions, and their files
- `hi_line`: the 21 cm line, and the columns that its brightness means
- `quantities`: what instruments share: numbers with units and sources
- `xray_instruments`: X-ray telescopes: band, effective area, background, blur
- `hi_instruments`: radio interferometers: beam, channels, noise
- `instruments`: instruments by name, or from a file
- `views`: what instruments see of halos at a redshift: counts, columns, noise
- `observing`: observations of maps, drawn for trainings and data sets
- `files`: a halo observed at a position, in files as observatories deliver them
- `images`: images of observatories, read from any FITS file
- `image_metadata`: what images say of themselves: exposure, band, beam, counts, columns
- `frames`: images, brought to the frame of a network
- `cutting`: sources, regions and masks, cut out of the frame
- `criteria`: when the files of an object are refused, whatever the wavelength
- `xray_reduction`: X-ray files to surface brightness in the frame
- `hi_reduction`: a moment-0 map to column density in the frame
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
        "criteria",
        "cutting",
        "files",
        "frames",
        "hi_instruments",
        "hi_line",
        "hi_reduction",
        "image_metadata",
        "images",
        "inferring",
        "instruments",
        "looking",
        "observing",
        "planning",
        "preparing",
        "quantities",
        "report",
        "responses",
        "stacking",
        "views",
        "xray_instruments",
        "xray_reduction",
    ],
    submod_attrs={
        "hi_instruments": ["HIInstrument"],
        "inferring": ["infer", "summary"],
        "instruments": ["SHIPPED"],
        "looking": ["look"],
        "observing": ["Observation"],
        "planning": ["depth_for", "posteriors", "unseen_halos", "widths"],
        "preparing": ["prepare"],
        "stacking": ["stack"],
        "views": ["View"],
        "xray_instruments": ["XrayInstrument"],
    },
)
