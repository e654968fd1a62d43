"""Brings signals to people: routes each to its subscribers, sends, proves it, and is acknowledged.

Every signal becomes one alert in the study's inbox and one delivery per subscriber and channel,
in the transaction that read it. Messages that leave the system carry no health detail.
"""
