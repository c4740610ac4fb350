"""Make the README's picture, assets/halo.png, from a run's hero.png (``make picture``)."""

import sys
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
WIDTH = 1200  # pixels
COLOURS = 256  # a palette keeps the file below 300 kB


def main(source):
    """Shrink the picture and reduce its colours.

    Parameters
    ----------
    source : path
        The run's picture.
    """
    picture = Image.open(source).convert("RGB")
    picture.thumbnail((WIDTH, WIDTH))
    picture.quantize(COLOURS).save(ROOT / "assets" / "halo.png", optimize=True)


if __name__ == "__main__":
    main(sys.argv[1])
