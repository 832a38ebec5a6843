"""Tags that ask, and Promotions that answer.

A tag only requests a Promotion; the Promotion Record is what grants it, and registry aliases follow from that.
"""
