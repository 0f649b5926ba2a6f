"""Hunts: questions to the event archive, in the filter language, as a Sigma rule, or in SQL.

`query` makes a rule of what a person types, `search` holds rules against archived events with the engine that
workers use, `tables` answers SQL. What the archive is and how it is read is `store.archive`'s.
"""
