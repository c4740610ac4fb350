"""Properties that hold for all inputs, searched for counterexamples."""

import itertools

import numpy as np
import pandas as pd
import pytest
from helpers.camels_files import HUBBLE, gas_columns, write_catalogue, write_snapshot
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from sklearn import metrics

from cgmhelpers.halos.classes import HALO
from cgmhelpers.maps import summaries
from cgmhelpers.maps.projection import images as projection_images
from cgmhelpers.maps.projection.frame import Frame
from cgmhelpers.network import samples, splits
from cgmhelpers.simulations import discovery, simulation
from cgmhelpers.statistics import metrics as statistics_metrics

# No database and no clock: the same examples on every machine.
EXAMPLES = {"derandomize": True, "deadline": None, "database": None}
PIXELS, PIXEL, DEPTH = 16, 8.0, 200.0
HALF = PIXELS * PIXEL / 2

# --- projection: elements whose kernels lie wholly inside the frame -----------------------------


@st.composite
def elements(draw, largest=20.0, most=12):
    number = draw(st.integers(1, most))
    seed = draw(st.integers(0, 2**32 - 1))
    radius = draw(arrays.arrays(float, number, elements=st.floats(0.01, largest)))
    fields = draw(st.integers(1, 3))
    rng = np.random.default_rng(seed)
    reach = HALF - radius[:, None] - PIXEL
    displacement = rng.uniform(-1, 1, (number, 3)) * reach
    return displacement, radius, 10 ** rng.uniform(-3, 6, (number, fields))


def project(displacement, radius, quantities, **frame):
    frame = {"pixels": PIXELS, "pixel_size": PIXEL, "depth": DEPTH} | frame
    return projection_images.project(displacement, radius, quantities, Frame(**frame))


@settings(max_examples=25, **EXAMPLES)
@given(elements())
def test_what_lies_in_the_frame_is_conserved(gas):
    images = project(*gas)
    assert (images >= 0).all()
    total = images.sum(axis=(-2, -1)) * PIXEL**2
    # The backend promises stamps to 1e-7.
    np.testing.assert_allclose(total, np.tile(gas[2].sum(axis=0), (3, 1)), rtol=1e-6)


@settings(max_examples=20, **EXAMPLES)
@given(elements(), st.tuples(*[st.integers(-1, 1)] * 3))
def test_a_shift_by_whole_pixels_shifts_the_images(gas, steps):
    displacement, radius, quantities = gas
    still = project(displacement, radius, quantities)
    moved = project(displacement + PIXEL * np.array(steps), radius, quantities)
    for number, (horizontal, vertical) in enumerate(((1, 2), (2, 0), (0, 1))):
        shift = steps[vertical], steps[horizontal]
        expected = np.roll(still[number], shift, axis=(-2, -1))
        scale = 1e-6 * still[number].max()  # an edge of a kernel may round to either side
        np.testing.assert_allclose(moved[number], expected, rtol=1e-5, atol=scale)


@settings(max_examples=20, **EXAMPLES)
@given(elements(), st.floats(0.1, 10.0), st.floats(1e-6, 1e6))
def test_scaling_lengths_and_quantities(gas, length, amount):
    displacement, radius, quantities = gas
    frame = {"pixel_size": PIXEL * length, "depth": DEPTH * length}
    scaled = project(displacement * length, radius * length, quantities * amount, **frame)
    expected = project(displacement, radius, quantities) * amount / length**2
    np.testing.assert_allclose(scaled, expected, rtol=1e-5, atol=1e-6 * expected.max())


@settings(max_examples=30, **EXAMPLES)
@given(elements(), st.randoms(use_true_random=False))
def test_the_order_of_elements_and_their_grouping_do_not_matter(gas, random):
    order = list(range(len(gas[1])))
    random.shuffle(order)
    together = project(*gas)
    apart = sum(project(*(one[[n]] for one in gas)) for n in order)
    # A faint pixel may be integrated again in one of the two only: both are right to 0.02 dex.
    np.testing.assert_allclose(apart, together, rtol=10**0.02 - 1, atol=1e-9 * together.max())
    sums = [one.sum(axis=(2, 3)) for one in (apart, together)]
    np.testing.assert_allclose(*sums, rtol=1e-5)


# --- statistics ---------------------------------------------------------------------------------

finite = st.floats(-1e3, 1e3).filter(lambda x: x == 0 or abs(x) > 1e-3)


@st.composite
def answers(draw):
    """Truth, mean and std, shape (halos, properties); truth varies."""
    shape = draw(st.integers(2, 30)), draw(st.integers(1, 6))
    truth, mean = (draw(arrays.arrays(float, shape, elements=finite)) for _ in range(2))
    truth[0], truth[1] = 1, 2
    std = draw(arrays.arrays(float, shape, elements=st.floats(0.01, 100)))
    return truth, mean, std


@settings(max_examples=30, **EXAMPLES)
@given(answers())
def test_metrics_are_scikit_learns(three):
    truth, mean, std = three
    squared = metrics.mean_squared_error(truth, mean, multioutput="raw_values")
    np.testing.assert_allclose(statistics_metrics.rmse(truth, mean), np.sqrt(squared), rtol=1e-9)
    explained = metrics.r2_score(truth, mean, multioutput="raw_values")
    np.testing.assert_allclose(statistics_metrics.r2(truth, mean), explained, rtol=1e-6, atol=1e-9)
    for column in range(truth.shape[1]):
        weighted = metrics.mean_squared_error(
            truth[:, column] / std[:, column], mean[:, column] / std[:, column]
        )
        assert statistics_metrics.reduced_chi2(truth, mean, std)[column] == pytest.approx(
            weighted, rel=1e-9
        )


@settings(max_examples=30, **EXAMPLES)
@given(answers())
def test_bounds_of_metrics(three):
    truth, mean, std = three
    assert (statistics_metrics.rmse(truth, mean) >= 0).all()
    assert (statistics_metrics.r2(truth, mean) <= 1).all()
    assert (statistics_metrics.reduced_chi2(truth, mean, std) >= 0).all()
    covered = statistics_metrics.coverage(truth, mean, std)
    assert ((covered >= 0) & (covered <= 1)).all()
    assert (statistics_metrics.coverage(truth, mean, std, 0.95) >= covered).all()
    np.testing.assert_allclose(statistics_metrics.r2(truth, truth), 1)
    assert (statistics_metrics.coverage(truth, truth, std) == 1).all()


@settings(max_examples=25, **EXAMPLES)
@given(answers(), st.floats(0.1, 100), st.sampled_from([-8.0, 0.0, 0.5, 64.0]))
def test_invariances_of_metrics(three, factor, offset):
    truth, mean, std = three
    moved = truth * factor + offset, mean * factor + offset, std * factor
    np.testing.assert_allclose(
        statistics_metrics.rmse(*moved[:2]),
        factor * statistics_metrics.rmse(truth, mean),
        rtol=1e-6,
        atol=1e-9,
    )
    for name, number in (("r2", 2), ("reduced_chi2", 3)):
        measure = getattr(statistics_metrics, name)
        # The offset's digits are lost to the differences: 64 of 1e-1, at 1e-16.
        np.testing.assert_allclose(
            measure(*moved[:number]), measure(*three[:number]), rtol=1e-5, atol=1e-6
        )
    order = np.random.default_rng(1).permutation(len(truth))
    shuffled = [one[order] for one in three]
    np.testing.assert_allclose(
        statistics_metrics.reduced_chi2(*shuffled),
        statistics_metrics.reduced_chi2(*three),
        rtol=1e-9,
    )
    assert (statistics_metrics.coverage(*shuffled) == statistics_metrics.coverage(*three)).all()


# --- split --------------------------------------------------------------------------------------

CLASSES = ("sub_l_star", "l_star", "group")


@st.composite
def populations(draw):
    """Halos of some suites in some realisations, at least three of each class."""
    suites = draw(st.lists(st.sampled_from(discovery.SUITES), min_size=1, max_size=3, unique=True))
    boxes = draw(st.integers(3, 12))
    rows = []
    for suite in suites:
        for box in range(boxes):
            for number, name in enumerate(CLASSES):
                rows += [(suite, "CV", box, name)] * draw(st.integers(1, 9 - 3 * number))
    table = pd.DataFrame(rows, columns=["suite", "set_name", "realisation", "halo_class"])
    table["group"] = table.groupby(["suite", "realisation"]).cumcount()
    return table.sample(frac=1, random_state=draw(st.integers(0, 99))).reset_index(drop=True)


@settings(max_examples=15, **EXAMPLES)
@given(populations(), st.integers(0, 2**31))
def test_no_halo_is_on_two_sides_and_classes_are_balanced(table, seed):
    table["part"] = splits.split(table, "halo", seed=seed)
    assert set(table["part"]) == set(splits.PARTS)
    assert not table.duplicated([*HALO]).any()  # so each halo has one part
    for _, group in table.groupby(["suite", "halo_class"]):
        for part, share in zip(splits.PARTS, splits.FRACTIONS, strict=True):
            number = (group["part"] == part).sum()
            # Rounded to whole halos at two edges, and never none.
            assert abs(number - share * len(group)) <= 1 + (len(group) < 10)
            assert number >= 1
    shuffled = table.drop(columns="part").sample(frac=1, random_state=1)
    again = splits.split(shuffled, "halo", seed=seed)
    assert (again.reindex(table.index) == table["part"]).all()


@settings(max_examples=15, **EXAMPLES)
@given(populations(), st.integers(0, 2**31))
def test_no_realisation_is_on_two_sides_in_any_suite(table, seed):
    table["part"] = splits.split(table, "realisation", seed=seed)
    assert (table.groupby("realisation")["part"].nunique() == 1).all()
    assert set(table["part"]) == set(splits.PARTS)


@settings(max_examples=5, **EXAMPLES)
@given(st.integers(0, 2**31), st.sampled_from(["halo", "realisation"]))
def test_no_projection_is_on_two_sides(seed, by):
    """Images that carry their halo's number and axis, followed into the batches of each part."""
    from helpers.blobs import blobs

    from cgmhelpers.network.scaling import Scaling

    ds = blobs(40, size=8, realisations=5)
    halo, axis = np.meshgrid(np.arange(40), np.arange(3), indexing="ij")
    marked = (1 + halo + 100 * axis)[:, :, None, None, None] * np.ones(ds["image"].shape)
    ds = samples.load(ds.assign(image=(ds["image"].dims, marked.astype("f4"))), ["xray"], "ideal")
    part = splits.split(samples.halo_table(ds), by, seed=seed).to_numpy()
    scaling = Scaling.fit(ds, part == "training")
    seen = {}
    for name in splits.PARTS:
        axes = None if name == "training" else [summaries.EVALUATION_AXIS]
        images, _ = samples.samples(ds, np.flatnonzero(part == name), scaling, axes)
        logarithm = images[:, 0, 0, 0].numpy() * scaling.std[0] + scaling.mean[0]
        seen[name] = set(np.round(10**logarithm).astype(int) % 100)
    for one, other in itertools.combinations(seen.values(), 2):
        assert not one & other
    assert set().union(*seen.values()) == set(range(1, 41))


# --- readers ------------------------------------------------------------------------------------


@settings(max_examples=25, **EXAMPLES)
@given(
    st.sampled_from(discovery.SUITES),
    st.integers(1, 300),
    st.floats(0, 3),
    st.sampled_from([{}, {"compression": "gzip", "shuffle": True, "chunks": True}]),
    st.integers(0, 2**31),
)
def test_what_is_written_is_read(tmp_path_factory, dialect, number, redshift, filters, seed):
    """A round trip through each dialect: code units to physical ones and back."""
    folder = tmp_path_factory.mktemp("round")
    rng = np.random.default_rng(seed)
    raw = gas_columns(number, dialect, rng)
    options = {"as_arrays": dialect == "Astrid", "filters": filters, "redshift": redshift}
    write_snapshot(folder / "s.hdf5", {0: raw}, **options)
    places, mass = rng.uniform(0, 25e3, (7, 3)), 10 ** rng.uniform(1, 4, 7)
    write_catalogue(folder / "g.hdf5", places, mass, redshift=redshift)
    sim = simulation.Simulation.from_files(folder / "s.hdf5", folder / "g.hdf5", dialect)
    gas, halos = sim.gas(), sim.halos(1e9)
    a = 1 / (1 + redshift)
    assert len(gas) == number
    # Kiloparsec and solar mass of the files and of astropy differ by 1e-7 and 3e-4.
    np.testing.assert_allclose(gas.position * HUBBLE / a, raw["Coordinates"], rtol=1e-5)
    np.testing.assert_allclose(gas.mass * HUBBLE / 1e10, raw["Masses"], rtol=1e-3)
    np.testing.assert_allclose(halos[["x", "y", "z"]] * HUBBLE / a, places, rtol=1e-5)
    np.testing.assert_allclose(halos["m200c"] * HUBBLE / 1e10, mass, rtol=1e-3)
    np.testing.assert_array_equal(gas.star_formation_rate, raw["StarFormationRate"])
    np.testing.assert_array_equal(gas.electron_abundance, raw["ElectronAbundance"])
    if dialect == "SIMBA":
        np.testing.assert_array_equal(gas.metallicity, raw["Metallicity"][:, 0])
    else:
        np.testing.assert_array_equal(gas.metallicity, raw["GFM_Metallicity"])
