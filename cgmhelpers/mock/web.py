"""The cosmic web: matter moved by the Zel'dovich approximation."""

import numpy as np

GRID_CELLS = 3.84
"""Cells per comoving Mpc/h of the grid that carries the displacement field."""
SMOOTHING = 1800.0
"""Smoothing of the initial field [comoving kpc]. Without it shells cross and filaments dissolve."""


class Web:
    """A displacement field in the periodic volume, and its density.

    Points at Lagrangian places q move to x = q + psi(q) with velocity H f psi; the density follows
    from the volume that they keep, ``1 / |det(1 + dpsi/dq)|`` (Zel'dovich 1970, A&A 5, 84).

    Parameters
    ----------
    generator : numpy.random.Generator
        Source of the initial conditions.
    volume : Volume
        The box.
    """

    def __init__(self, generator, volume):
        self.volume = volume
        self.grid = grid = round(GRID_CELLS * volume.side)
        box = volume.box_size
        spacing = box / grid
        wave = 2 * np.pi * np.fft.fftfreq(grid, spacing)
        half = 2 * np.pi * np.fft.rfftfreq(grid, spacing)
        vector = np.meshgrid(wave, wave, half, indexing="ij", sparse=True)
        square = vector[0] ** 2 + vector[1] ** 2 + vector[2] ** 2
        norm = np.sqrt(square)

        table = np.logspace(-6, -1, 300) / volume.scale_factor
        power = np.interp(norm, table, volume.power_spectrum(table))
        power *= np.exp(-square * (SMOOTHING * volume.scale_factor) ** 2)
        amplitude = np.sqrt(power * grid**3 / box**3)
        contrast = np.fft.rfftn(generator.standard_normal((grid, grid, grid))) * amplitude
        contrast[0, 0, 0] = 0.0
        square[0, 0, 0] = 1.0
        potential = contrast / square

        def real(field):
            return np.fft.irfftn(field, s=(grid, grid, grid), axes=(0, 1, 2)).astype(np.float32)

        self.contrast = real(contrast)
        self.displacement = np.stack([real(1j * k * potential) for k in vector])
        tensor = [[real(-a * b * potential) for b in vector] for a in vector]
        deformation = np.moveaxis(np.array(tensor), (0, 1), (-2, -1)) + np.eye(3, dtype="f4")
        volume = np.abs(np.linalg.det(deformation)).astype(np.float32)
        self.log_density = -np.log(np.clip(volume, 0.03, 20.0))

    def sample(self, field, place):
        """Interpolate one field of the grid at Lagrangian places.

        Parameters
        ----------
        field : array (G, G, G)
            One of the grids of this web.
        place : array (N, 3)
            [kpc].

        Returns
        -------
        array (N,), float32
        """
        from scipy.ndimage import map_coordinates

        index = place.T * (self.grid / self.volume.box_size)
        return map_coordinates(field, index, order=1, mode="grid-wrap", output=np.float32)

    def move(self, place):
        """Move Lagrangian places to where they are at the time of the box.

        Parameters
        ----------
        place : array (N, 3)
            [kpc].

        Returns
        -------
        position : array (N, 3)
            [kpc], wrapped into the volume.
        velocity : array (N, 3)
            Peculiar velocity [km/s].
        """
        shift = np.stack([self.sample(axis, place) for axis in self.displacement], axis=1)
        position = np.mod(place + shift, self.volume.box_size)
        return position, shift * np.float32(self.volume.flow_rate())

    def overdensity(self, place):
        """Return the density over the mean at Lagrangian places.

        Parameters
        ----------
        place : array (N, 3)
            [kpc].

        Returns
        -------
        array (N,), float32
        """
        return np.exp(self.sample(self.log_density, place))
