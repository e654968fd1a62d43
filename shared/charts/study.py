"""All charts of a study, safety first, then exposure and efficacy; and all of one subject."""

from __future__ import annotations

from shared.charts.blocks import Chart
from shared.charts.events import ae_heat
from shared.charts.heart import qtcf
from shared.charts.labs import lab_trends
from shared.charts.liver import edish
from shared.charts.shifts import shifts
from shared.charts.stopping import stopping
from shared.charts.timeline import timeline
from shared.charts.treatment import dose_intensity, swimmer
from shared.charts.trends import trends
from shared.charts.tumour import spider, waterfall
from shared.charts.windows import dlt_board
from shared.contracts.assessment import Assessment
from shared.contracts.figures import Figures
from shared.contracts.packet import LabSeries
from shared.contracts.profile import Profile


def study_charts(
    said: Assessment, figures: Figures, labs: tuple[LabSeries, ...]
) -> tuple[Chart, ...]:
    """``labs``: the tests in which somebody reached grade 3."""
    return (
        dlt_board(said),
        *stopping(figures),
        ae_heat(figures),
        edish(figures),
        qtcf(figures),
        *lab_trends(said, labs),
        shifts(figures),
        swimmer(said, figures.courses, figures.events),
        dose_intensity(said, figures.exposures),
        waterfall(figures),
        spider(figures),
    )


def subject_charts(profile: Profile) -> tuple[Chart, ...]:
    """``timeline`` first, then ``series-1`` and so on in the order of the profile."""
    return timeline(profile), *trends(profile)
