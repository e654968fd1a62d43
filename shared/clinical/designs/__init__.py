"""Dose-escalation designs: per-dose counts in, a decision with its reasons out.

Every design answers the same `Question` with the same `Answer`, so that the live study, what-if and
simulation work with each of them.

>>> boin = Boin(target=0.28)
>>> answer = boin.decide(Question(counts_of("1NNN 2NNT", num_doses=5), current=2))
>>> answer.action, answer.report.text
('stay', '1/3 = 0.3333 lies between 0.2206 and 0.3344: stay')
>>> decision_table(boin, n_max=3).rows[-1]
(3, 0, 2, 3, 'ESDU')
>>> simulate(boin, [0.08, 0.15, 0.26, 0.41, 0.60], trials=500, seed=1).right_dose
3
>>> round(exact(ThreePlusThree(), [0.08, 0.15, 0.26, 0.41, 0.60]).none.value, 8)
0.06313243
"""

from shared.clinical.designs.bf_boin import BfBoin
from shared.clinical.designs.boin import Boin
from shared.clinical.designs.boin_comb import BoinComb
from shared.clinical.designs.characteristics import Characteristics, Estimate, Trials
from shared.clinical.designs.comparison import Comparison, compare
from shared.clinical.designs.crm import Crm, TiteCrm
from shared.clinical.designs.crm_model import getprior
from shared.clinical.designs.decision_tables import DecisionTable, decision_table, pathways
from shared.clinical.designs.design import KINDS, Design, design_of, register
from shared.clinical.designs.enumeration import exact
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
from shared.clinical.designs.simulation import (
    run_trials,
    setting_for,
    simulate,
)
from shared.clinical.designs.table import Table
from shared.clinical.designs.three_plus_three import ThreePlusThree
from shared.clinical.designs.tite_boin import TiteBoin
from shared.clinical.designs.trial import Draws, Setting

__all__ = [
    "KINDS",
    "Answer",
    "BfBoin",
    "Boin",
    "BoinComb",
    "Characteristics",
    "Comparison",
    "Crm",
    "DecisionTable",
    "Design",
    "DesignError",
    "DoseCounts",
    "Draws",
    "Estimate",
    "I3Plus3",
    "Keyboard",
    "Mtpi",
    "Mtpi2",
    "Patient",
    "Question",
    "Report",
    "RollingSix",
    "Setting",
    "Table",
    "ThreePlusThree",
    "TiteBoin",
    "TiteCrm",
    "Trials",
    "as_json",
    "compare",
    "counts_of",
    "counts_of_patients",
    "decision_table",
    "design_of",
    "exact",
    "getprior",
    "pathways",
    "patients_of",
    "read_request",
    "register",
    "report_json",
    "run_trials",
    "setting_for",
    "simulate",
]
