"""The event archive: every event that went by, for hunts, within a bound of disk.

`segment` is the hot file that a worker appends to, `writer` its end of it, `catalogue` what the database
knows of all files, `roll` makes Parquet of hot segments, `retention` keeps the whole within its bounds, and
`read` gives the rows back. Files lie in the folder `archive` of the workspace.
"""
