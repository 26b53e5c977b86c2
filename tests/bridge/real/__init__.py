"""The bridge on a real Asterisk, with SIP telephones. Skipped where there is no Asterisk: see `asterisk.py`."""
