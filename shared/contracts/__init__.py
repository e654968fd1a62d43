"""What crosses a process boundary: the event contract, the signals, the assessment.

Imports pydantic and the standard library only, so that any service, the pure core and an
outside integrator's test can use these models without a database, a broker or a web framework.
"""
