"""What the processes of a training on several devices import by name."""

from safetensors.torch import save_file

from cgmhelpers.network.loop import MomentTraining


class Telling(MomentTraining):
    """Writes the weights of each process to `folder`."""

    def on_fit_end(self):
        save_file(self.network.state_dict(), self.folder / f"{self.global_rank}.safetensors")


class Stopped(Exception):
    """Stands for whatever ends a process."""


def stop_after_two(history):
    """End a training after two epochs."""
    if len(history) == 2:
        raise Stopped
