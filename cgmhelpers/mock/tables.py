"""Tables of parameters beside the mock's sets, each in the form that CAMELS gave it.

``CosmoAstroSeed_<Suite>_<Volume>_<Set>.txt`` differs from suite to suite and from set to set: in
the names and the order of its columns, in its values (relative to the fiducial model, or in the
units of the code), in further parameters, which the mock keeps at their fiducial values. All are as
in CAMELS' documentation (https://camels.readthedocs.io/en/latest/parameters.html).
"""

from dataclasses import astuple

from cgmhelpers.halos.cosmology import CV
from cgmhelpers.mock import sets
from cgmhelpers.simulations.parameter_tables import FIDUCIAL

_COSMOLOGY = {"OmegaBaryon": CV.omega_baryon, "HubbleParam": CV.hubble}
_TNG = {
    **_COSMOLOGY, "n_s": CV.spectral_index, "MaxSfrTimescale": 2.27, "FactorForSofterEQS": 0.3,
    "IMFslope": -2.3, "SNII_MinMass_Msun": 8, "ThermalWindFraction": 0.1,
    "VariableWindSpecMomentum": 0, "WindFreeTravelDensFac": 0.05, "MinWindVel": 350,
    "WindEnergyReductionFactor": 0.25, "WindEnergyReductionMetallicity": 0.002,
    "WindEnergyReductionExponent": 2, "WindDumpFactor": 0.6, "SeedBlackHoleMass": 8e-5,
    "BlackHoleAccretionFactor": 1, "BlackHoleEddingtonFactor": 1, "BlackHoleFeedbackFactor": 0.1,
    "BlackHoleRadiativeEfficiency": 0.2, "QuasarThreshold": 0.002, "QuasarThresholdPower": 2,
}  # fmt: skip
_TNG_LARGE = {
    **_TNG, "UVBH0beta": 1, "UVBH0Deltaz": 0, "UVBHepbeta": 1, "UVBHepDeltaz": 0,
    "SNIa_Rate_Norm": 0.0013, "SNIa_Rate_DTD_power": 1.12, "SofteningComovingType01": 2,
}  # fmt: skip
_SIMBA = {
    **_COSMOLOGY, "ns": CV.spectral_index, "CritPhysDensity": 0.2, "SfEffPerFreeFall": 0.02,
    "TempClouds": 1000, "WindFreeTravelMaxTime": 0.02, "WindFreeTravelDensFac": 0.01,
    "SeedBlackHoleMass": 1e-6, "BlackHoleAccretionFactor": 1, "BlackHoleRadiativeEfficiency": 0.1,
    "BlackHoleEddingtonFactor": 3, "BlackHoleNgbFactor": 4, "BlackHoleMaxAccretionRadius": 4,
    "GALSF_JEANS_MIN_T": 1, "GALSF_SUBGRID_FIREVEL_SLOPE": 0.12, "GALSF_SUBGRID_HOTWIND": 0.3,
    "GALSF_AGBWINDHEATING": 100, "BH_HOST_TO_SEED_RATIO": 3e5, "BH_QUENCH_JET_HOTWIND": 2000,
    "BH_BONDI_HOT": 5, "MBH_JET_MIN": 4.5e7,
}  # fmt: skip
_KEPT = {
    ("IllustrisTNG", "L25n256", "1P"): _TNG,
    ("IllustrisTNG", "L50n512", "CV"): _TNG_LARGE,
    ("IllustrisTNG", "L50n512", "1P"): _TNG_LARGE,
    ("SIMBA", "L25n256", "1P"): _SIMBA,
}
"""Parameters that the mock keeps, where the code's own values are listed, by suite, box and set."""
LISTED = tuple(sets.LH_SEEDS)
"""Suites whose tables have a known form."""
_MISSPELT = {"RadioFeedbackReorientationFactor": "RadioFeedbackReiorientationFactor"}
"""Parameter of the code -> its spelling in the tables."""


def file_name(suite, set_name, box):
    """Return the name of a set's table.

    Parameters
    ----------
    suite, set_name, box : str
        Names of the suite, the set and the box.

    Returns
    -------
    str
        CAMELS writes Swift-EAGLE without its hyphen here, and here alone.
    """
    return f"CosmoAstroSeed_{suite.replace('-', '')}_{box}_{set_name}.txt"


def header(suite, set_name, box):
    """Return the first line of a set's table.

    Parameters
    ----------
    suite, set_name, box : str
        Names of the suite, the set and the box.

    Returns
    -------
    str
    """
    kept = _KEPT.get((suite, box, set_name))
    if suite == "Ramses":
        return "# Name Omega_m sigma_8 ASN1 ASN2 AAGN1 AAGN2 seed"
    if kept is None:
        seventh = ["Omega_b"] if (suite, set_name) == ("Astrid", "1P") else []
        return " ".join(["#Name", *sets.NAMES, *seventh, "seed"])
    physical = [FIDUCIAL[suite][name][0] for name in sets.NAMES[2:]]
    names = ["Omega0", "sigma8", *(_MISSPELT.get(name, name) for name in physical), *kept, "seed"]
    return " ".join(["# sim_name" if suite == "SIMBA" else "#Name", *names])


def row(suite, set_name, realisation, tree=1, box="L25n256"):
    """Return a simulation's line in the set's table.

    Parameters
    ----------
    suite, set_name : str
        Names of the suite and of the set.
    realisation : int or str
        As in `sets.parameters`.
    tree : int
        ``seed`` of `write`.
    box : str
        Name of the box.

    Returns
    -------
    list of str
        Name, parameters, seed.
    """
    parameters = astuple(sets.parameters(suite, set_name, realisation))
    values = dict(zip(sets.NAMES, parameters, strict=True))
    kept = _KEPT.get((suite, box, set_name), {})
    if kept or suite == "Ramses":
        for name, (_, fiducial) in FIDUCIAL[suite].items():
            values[name] *= fiducial
    if suite == "Ramses":
        order = ("Omega_m", "sigma_8", "A_SN1", "A_SN2", "A_AGN1", "A_AGN2")
        values = {name: values[name] for name in order}
    if (suite, set_name) == ("Astrid", "1P"):
        values["Omega_b"] = CV.omega_baryon
    style = ".4g" if kept else ".5f"
    cells = [f"{value:{style}}" for value in values.values()]
    cells += [f"{value:.4g}" for value in kept.values()]
    number = sets.seed(suite, set_name, realisation, tree, box)
    return [f"{set_name}_{realisation}", *cells, str(number)]
