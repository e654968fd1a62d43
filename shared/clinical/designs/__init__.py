"""Dose-escalation designs: per-dose counts in, a decision with its reasons out.

Every design answers the same `Question` with the same `Answer`, so that the live study, what-if and
simulation work with each of them.
"""

from shared.clinical.designs.bf_boin import BfBoin
from shared.clinical.designs.boin import Boin
from shared.clinical.designs.boin_comb import BoinComb
from shared.clinical.designs.crm import Crm, TiteCrm
from shared.clinical.designs.crm_model import getprior
from shared.clinical.designs.design import KINDS, Design, design_of, register
from shared.clinical.designs.i3plus3 import I3Plus3
from shared.clinical.designs.model import (
    Answer,
    DoseCounts,
    Patient,
    Question,
    Report,
    as_json,
    report_json,
)
from shared.clinical.designs.mtpi import Keyboard, Mtpi, Mtpi2
from shared.clinical.designs.outcomes import counts_of, counts_of_patients, patients_of
from shared.clinical.designs.parameters import DesignError
from shared.clinical.designs.request import read_request
from shared.clinical.designs.rolling_six import RollingSix
from shared.clinical.designs.table import Table
from shared.clinical.designs.three_plus_three import ThreePlusThree
from shared.clinical.designs.tite_boin import TiteBoin

__all__ = [
    "KINDS",
    "Answer",
    "BfBoin",
    "Boin",
    "BoinComb",
    "Crm",
    "Design",
    "DesignError",
    "DoseCounts",
    "I3Plus3",
    "Keyboard",
    "Mtpi",
    "Mtpi2",
    "Patient",
    "Question",
    "Report",
    "RollingSix",
    "Table",
    "ThreePlusThree",
    "TiteBoin",
    "TiteCrm",
    "as_json",
    "counts_of",
    "counts_of_patients",
    "design_of",
    "getprior",
    "patients_of",
    "read_request",
    "register",
    "report_json",
]
