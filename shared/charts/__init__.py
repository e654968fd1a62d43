"""Charts of a study as typed functions from facts to Vega-Lite, for the page and for paper."""
