"""The moment network: its inputs, its training and its files.

Each file imports only those above it in this list:

- `moment_network`: `MomentNetwork`, its moments; no training code
- `layers`: the layers of a network as a table
- `loss`: the loss of the moment network
- `checkpoint`: files of a trained network, which describe themselves
- `settings`: `TrainingSettings`: the hyperparameters of a training
- `calibration`: posterior widths corrected on validation halos
- `scaling`: maps and properties to the numbers of a network, and back
- `export`: a trained network as an ONNX file
- `splits`: training, validation and test, by halo, realisation or seed
- `samples`: map stores opened, limited and scaled; symmetries of the square
- `batches`: the batches of an epoch, from memory or read ahead from the store
- `adaptation`: several suites, balanced, and penalties that make their features alike
- `compilation`: compilation of a network by torch, where it pays
- `target`: unlabelled maps of a target suite beside those of the sources
- `loop`: one training, epoch by epoch, as a Lightning module
- `task`: a training as an object: what its result depends on, and its fingerprint
- `fitting`: one training by Lightning, on the devices of this machine
- `apart`: a training in a process of its own
- `training`: `train`: maps in, a folder with a trained network out
- `studies`: the folder of a study, its trials as a table, what killed workers left
- `tuning`: an Optuna study that several workers share and that survives their deaths
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        "adaptation",
        "apart",
        "batches",
        "calibration",
        "checkpoint",
        "compilation",
        "export",
        "fitting",
        "layers",
        "loop",
        "loss",
        "moment_network",
        "samples",
        "scaling",
        "settings",
        "splits",
        "studies",
        "target",
        "task",
        "training",
        "tuning",
    ],
    submod_attrs={
        "calibration": ["Calibration", "coverage_noise"],
        "checkpoint": ["HISTORY", "SPLIT", "read_description", "read_network"],
        "moment_network": ["MomentNetwork", "moments"],
        "export": ["to_onnx"],
        "layers": ["summary"],
        "loss": ["moment_loss"],
        "samples": ["halo_table", "load", "symmetry"],
        "scaling": ["Scaling"],
        "settings": ["TrainingSettings"],
        "splits": ["PARTS", "assign_parts", "split"],
        "task": ["Task"],
        "training": ["train", "train_task"],
        "studies": ["TUNED", "best", "importances", "trials_table"],
        "tuning": ["tune"],
    },
)
