"""Remarks on rules that can be used but may not do what their author means.

`check.py` runs the checks over files, each of the other modules has those of one subject, `fix.py` rewrites
what is safe. What makes a rule unusable is found when it is parsed, not here.
"""
