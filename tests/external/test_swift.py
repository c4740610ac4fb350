"""Snapshots of SWIFT: written by hand, read by us, by swiftsimio and by yt."""

import h5py
import numpy as np
import pytest
import unyt

from cgmhelpers.emission import ionisation
from cgmhelpers.errors import FormatError
from cgmhelpers.simulations import conversions
from cgmhelpers.simulations.attributes import KERNEL_RADII
from cgmhelpers.simulations.simulation import Simulation

MPC, MASS = 3.08567758e24, 1.98841e43
HUBBLE, BOX = 0.6711, 25 / 0.6711  # comoving Mpc, no h
NUMBER = 400
ELEMENTS = ("Hydrogen", "Helium", "Carbon", "Nitrogen", "Oxygen", "Neon", "Magnesium")
ELEMENTS += ("Silicon", "Iron")
# Exponents of length, mass, time, temperature, and of the scale factor, as SWIFT writes them.
DIMENSIONS = {
    "Coordinates": (1, 0, 0, 0, 1),
    "Velocities": (1, 0, -1, 0, 0),
    "Masses": (0, 1, 0, 0, 0),
    "DynamicalMasses": (0, 1, 0, 0, 0),
    "Densities": (-3, 1, 0, 0, -3),
    "Temperatures": (0, 0, 0, 1, 0),
    "InternalEnergies": (2, 0, -2, 0, -2),
    "SmoothingLengths": (1, 0, 0, 0, 1),
    "StarFormationRates": (0, 1, -1, 0, 0),
}


def gas_columns(rng, redshift):
    """Gas in SWIFT's units; every third element formed stars in the past, every fifth does now."""
    rate = np.zeros(NUMBER, np.float32)
    rate[::3], rate[::5] = -rng.uniform(0.1, 0.3, len(rate[::3])), 40.0
    metals = rng.uniform(1e-4, 0.03, NUMBER).astype("f4")
    elements = np.zeros((NUMBER, 9), "f4")
    elements[:, 0], elements[:, 1] = 0.75 - metals, 0.25
    return {
        "Coordinates": rng.uniform(0, BOX, (NUMBER, 3)),
        "Velocities": rng.normal(0, 100, (NUMBER, 3)).astype("f4"),
        "Masses": rng.uniform(1e-4, 3e-4, NUMBER).astype("f4"),
        "Densities": (10 ** rng.uniform(0, 5, NUMBER)).astype("f4"),
        "Temperatures": (10 ** rng.uniform(4, 7, NUMBER)).astype("f4"),
        "InternalEnergies": (10 ** rng.uniform(1, 5, NUMBER)).astype("f4"),
        "SmoothingLengths": rng.uniform(0.001, 0.1, NUMBER).astype("f4"),
        "StarFormationRates": rate,
        "SmoothedMetalMassFractions": metals,
        "MetalMassFractions": metals * np.float32(1.5),
        "SmoothedElementMassFractions": elements,
        "ParticleIDs": np.arange(NUMBER, dtype="u8"),
    }


def write(path, redshift=0.5, kernel=b"Quartic spline (M5)", order=ELEMENTS, lacks=()):
    """Write a snapshot in the layout of SWIFT 1.0 with EAGLE's model."""
    scale = 1 / (1 + redshift)
    rng = np.random.default_rng(3)
    numbers = np.array([NUMBER, 20, 0, 0, 6, 2, 0], np.int32)
    with h5py.File(path, "w") as file:
        groups = {
            "Header": {
                "Code": b"SWIFT",
                "BoxSize": [BOX] * 3,
                "Dimension": [3],
                "NumPart_ThisFile": numbers,
                "NumPart_Total": numbers.astype("u4"),
                "NumPart_Total_HighWord": np.zeros(7, "u4"),
                "NumFilesPerSnapshot": [1],
                "MassTable": np.zeros(7),
                "Redshift": [redshift],
                "Scale-factor": [scale],
                "Time": [0.01],
                "OutputType": b"FullVolume",
                "RunName": b"CV_0",
                "SelectOutput": b"Default",
                "System": b"here",
                "SnapshotDate": b"12:00:00 2024-01-01 UTC",
                "CanHaveTypes": [1, 1, 0, 0, 1, 1, 0],
            },
            "Cosmology": {
                "Cosmological run": [1],
                "Scale-factor": [scale],
                "Redshift": [redshift],
                "h": [HUBBLE],
                "H0 [internal units]": [100 * HUBBLE],
                "Omega_m": [0.3],
                "Omega_b": [0.049],
                "Omega_lambda": [0.7],
                "Omega_k": [0.0],
                "Omega_r": [0.0],
                "w_0": [-1.0],
                "w_a": [0.0],
                "w": [-1.0],
            },
            "Units": {
                "Unit mass in cgs (U_M)": [MASS],
                "Unit length in cgs (U_L)": [MPC],
                "Unit time in cgs (U_t)": [MPC / 1e5],
                "Unit current in cgs (U_I)": [1.0],
                "Unit temperature in cgs (U_T)": [1.0],
            },
            "HydroScheme": {
                "Kernel function": kernel,
                "Kernel eta": [1.2],
                "Adiabatic index": [5 / 3],
            },
            "Policy": {"cosmological integration": [1]},
            "Parameters": {
                "Cosmology:Omega_lambda": b"0.7",
                "Cosmology:Omega_b": b"0.049",
                "Cosmology:Omega_cdm": b"0.251",
                "Cosmology:h": b"0.6711",
                "InitialConditions:periodic": b"1",
            },
        }
        for name in ("GravityScheme", "StarsScheme", "SubgridScheme", "Code", "UnusedParameters"):
            groups[name] = {}
        groups["InternalCodeUnits"] = groups["Units"]
        for name, attributes in groups.items():
            group = file.create_group(name)
            for key, value in attributes.items():
                # SWIFT's strings have a fixed length.
                group.attrs[key] = np.bytes_(value) if isinstance(value, bytes) else value
        named = file["SubgridScheme"].create_group("NamedColumns")
        named["SmoothedElementMassFractions"] = np.array(order, "S32")
        types = {0: gas_columns(rng, redshift)}
        for kind in (1, 4, 5):
            shared = ("Coordinates", "Velocities", "Masses", "ParticleIDs")
            types[kind] = {name: types[0][name][: numbers[kind]] for name in shared}
        types[4]["BirthScaleFactors"] = np.full(6, 0.4, "f4")
        types[5]["DynamicalMasses"] = types[5].pop("Masses")
        for kind, columns in types.items():
            group = file.create_group(f"PartType{kind}")
            for name, values in columns.items():
                if name in lacks:
                    continue
                group[name] = values
                length, mass, time, kelvin, a = DIMENSIONS.get(name, (0,) * 5)
                described = group[name].attrs
                for letter, power in zip("LMtTI", (length, mass, time, kelvin, 0), strict=True):
                    described[f"U_{letter} exponent"] = [float(power)]
                described["a-scale exponent"] = [float(a)]
                described["h-scale exponent"] = [0.0]
                described["Description"] = b""
        file["GasParticles"] = h5py.SoftLink("/PartType0")
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    return write(tmp_path_factory.mktemp("swift") / "snapshot_073.hdf5")


@pytest.fixture(scope="module")
def sim(path):
    return Simulation.from_files(path, suite="Swift-EAGLE")


def test_header(sim):
    """The header has no h in its lengths, and its cosmology lies in a group of its own."""
    found = sim.header
    assert found.box_size == pytest.approx(BOX * 1000 / 1.5, rel=1e-6)
    assert (found.redshift, found.hubble) == pytest.approx((0.5, HUBBLE))
    cosmology = (found.omega_matter, found.omega_lambda, found.omega_baryon)
    assert cosmology == pytest.approx((0.3, 0.7, 0.049))
    assert found.particle_number == (NUMBER, 20, 0, 0, 6, 2)


def test_columns_are_swiftsimios(path, sim):
    """swiftsimio, SWIFT's own reader, finds the same physical values."""
    swiftsimio = pytest.importorskip("swiftsimio")
    data = swiftsimio.load(str(path))
    gas = sim.gas()
    theirs = {
        "position": (data.gas.coordinates, "kpc"),
        "mass": (data.gas.masses, "Msun"),
        "density": (data.gas.densities, "g/cm**3"),
        "temperature": (data.gas.temperatures, "K"),
        "metallicity": (data.gas.smoothed_metal_mass_fractions, ""),
    }
    for name, (values, unit) in theirs.items():
        values = values.to_physical().to_value(unit) if unit else values.to_value("")
        # SWIFT's solar mass and Mpc differ from astropy's by 2e-5.
        np.testing.assert_allclose(gas[name], values, rtol=5e-5, err_msg=name)
    velocity = data.gas.velocities.to_physical().to_value("km/s")
    np.testing.assert_allclose(sim.gas(["velocity"]).velocity, velocity, rtol=1e-5, atol=1e-3)
    rate = data.gas.star_formation_rates.to_physical().to_value("Msun/yr")
    assert (rate < 0).any()
    np.testing.assert_allclose(gas.star_formation_rate, np.maximum(rate, 0), rtol=5e-5)
    hydrogen = data.gas.smoothed_element_mass_fractions.hydrogen.value
    np.testing.assert_allclose(gas.hydrogen_fraction, hydrogen, rtol=1e-6)
    smoothing = data.gas.smoothing_lengths.to_physical().to_value("kpc")
    np.testing.assert_allclose(gas.smoothing_length / smoothing, 2.018932, rtol=5e-5)
    holes = data.black_holes.dynamical_masses.to_value("Msun")
    np.testing.assert_allclose(sim.particles("black_holes").mass, holes, rtol=5e-5)
    assert len(sim.particles("stars")) == 6
    assert len(sim.particles("wind")) == 0


def test_columns_are_yts(path, sim, tmp_path):
    """yt detects SWIFT, once numbers are no arrays; its columns are ours."""
    yt = pytest.importorskip("yt")
    yt.set_log_level("error")
    with pytest.raises(TypeError, match="0-dimensional"):
        yt.load(str(path))
    copy = tmp_path / "scalars.hdf5"
    copy.write_bytes(path.read_bytes())
    with h5py.File(copy, "r+") as file:
        for group in ("Header", "Units", "Policy"):
            attributes = file[group].attrs
            for name in [name for name in attributes if np.shape(attributes[name]) == (1,)]:
                attributes[name] = attributes[name][0]
    ds = yt.load(str(copy))
    assert type(ds).__name__ == "SwiftDataset"
    data, gas = ds.all_data(), sim.gas()
    order = np.argsort(data["PartType0", "ParticleIDs"].value)
    for field, name, unit in (
        ("Mass", "mass", "Msun"),
        ("density", "density", "g/cm**3"),
        ("particle_position_x", "position", "kpc"),
    ):
        theirs = data["PartType0", field][order].to_value(unit)
        ours = gas[name][:, 0] if name == "position" else gas[name]
        # yt's kpc of a cosmological dataset is physical.
        np.testing.assert_allclose(theirs, ours, rtol=1e-4, err_msg=name)


def test_electrons_are_in_equilibrium(sim):
    """Hot gas is fully ionised, its helium twice; dense cool gas is neutral."""
    gas = sim.gas()
    helium = 0.25 / (4 * gas.hydrogen_fraction)
    hot = gas.temperature > 1e6
    assert hot.any()
    np.testing.assert_allclose(gas.electron_abundance[hot], (1 + 2 * helium)[hot], rtol=1e-4)
    nuclei = gas.density * gas.hydrogen_fraction / unyt.mp.to_value("g")
    neutral = ionisation.neutral_fraction_exact(nuclei, gas.temperature, 0.5)
    assert neutral.max() > 0.5
    expected = (1 - neutral) * (1 + 2 * helium)
    np.testing.assert_allclose(gas.electron_abundance, expected, rtol=1e-4, atol=1e-6)


def test_temperature_without_temperatures(tmp_path, caplog):
    """Comoving energies give a temperature, with one warning a file."""
    path = write(tmp_path / "s.hdf5", lacks=("Temperatures",))
    sim = Simulation.from_files(path, suite="Swift-EAGLE")
    for _ in range(2):
        found = sim.gas(["temperature"]).temperature
    assert caplog.text.count("no temperature") == 1
    with h5py.File(path) as file:
        energy = file["PartType0/InternalEnergies"][:] * 1e10 * 1.5**2
    factor = (2 / 3 * unyt.mp / unyt.kb).to_value("K*s**2/cm**2")
    hot = found > 1e5
    np.testing.assert_allclose(found[hot], (4 / (8 - 5 * 0.24) * factor * energy)[hot], rtol=1e-4)
    cold = found < 0.99e4
    np.testing.assert_allclose(found[cold], (4 / (1 + 3 * 0.76) * factor * energy)[cold], rtol=1e-4)
    assert hot.any()
    assert cold.any()


def test_elements_go_by_their_names(tmp_path):
    """The file says which column is hydrogen; a table without hydrogen isn't read as one."""
    order = ("Helium", "Hydrogen", *ELEMENTS[2:])
    swapped = Simulation.from_files(write(tmp_path / "a.hdf5", order=order), suite="Swift-EAGLE")
    np.testing.assert_allclose(swapped.gas().hydrogen_fraction, 0.25)


@pytest.mark.parametrize("name", KERNEL_RADII)
def test_kernel_radii(name):
    """SWIFT's smoothing length is twice the standard deviation of the kernel in each direction."""

    def spline(q, powers):
        return sum(f * np.clip(edge - q, 0, None) ** n for f, edge, n in powers)

    shapes = {
        "Cubic spline (M4)": lambda q: spline(q, [(1, 1, 3), (-4, 1 / 2, 3)]),
        "Quartic spline (M5)": lambda q: spline(q, [(1, 1, 4), (-5, 3 / 5, 4), (10, 1 / 5, 4)]),
        "Quintic spline (M6)": lambda q: spline(q, [(1, 1, 5), (-6, 2 / 3, 5), (15, 1 / 3, 5)]),
        "Wendland C2": lambda q: (1 - q) ** 4 * (1 + 4 * q),
        "Wendland C4": lambda q: (1 - q) ** 6 * (1 + 6 * q + 35 / 3 * q**2),
        "Wendland C6": lambda q: (1 - q) ** 8 * (1 + 8 * q + 25 * q**2 + 32 * q**3),
    }
    q = np.linspace(0, 1, 20_001)
    weight = shapes[name](q) * q**2
    deviation = np.sqrt(np.trapezoid(weight * q**2, q) / np.trapezoid(weight, q) / 3)
    assert KERNEL_RADII[name] == pytest.approx(1 / (2 * deviation), rel=1e-5)


def test_unknown_kernel_is_refused(tmp_path):
    path = write(tmp_path / "s.hdf5", kernel=b"Top hat")
    with pytest.raises(FormatError, match="Top hat"):
        _ = Simulation.from_files(path).header


def test_ramses_cells(tmp_path, caplog):
    """The size of a cell is that of its level; a rate is made up by a rule, and said."""
    from helpers import camels_files

    rng = np.random.default_rng(2)
    columns = camels_files.gas_columns(60, "SIMBA", rng)
    columns["Metallicity"] = columns["Metallicity"][:, 0]
    columns["AMR_level"] = np.repeat([8, 11, 14], 20).astype("i4")
    columns["Density"][:30] = 1e-2  # thick
    del columns["StarFormationRate"], columns["SmoothingLength"]
    path = tmp_path / "snap_090.hdf5"
    camels_files.write_snapshot(path, {0: columns}, redshift=1.0)
    sim = Simulation.from_files(path, suite="Ramses")
    gas = sim.gas()
    cell = 25000 / 0.6711 / 2 / 2.0 ** columns["AMR_level"]
    radius = conversions.CELL_SMOOTHING_FACTOR * np.cbrt(3 / (4 * np.pi)) * cell
    np.testing.assert_allclose(gas.smoothing_length, radius, rtol=1e-5)
    assert "no star-formation rate" in caplog.text
    nuclei = 0.76 * gas.density / unyt.mp.to_value("g")
    np.testing.assert_array_equal(gas.star_formation_rate > 0, nuclei > 0.1)
    free_fall = np.sqrt(3 * np.pi / (32 * unyt.G.to_value("cm**3/g/s**2") * gas.density[:30]))
    expected = 0.01 * gas.mass[:30] / free_fall * 365.25 * 86400
    np.testing.assert_allclose(gas.star_formation_rate[:30], expected, rtol=1e-3)
