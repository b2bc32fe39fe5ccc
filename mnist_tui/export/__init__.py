"""Export of runs in formats that other programs read. FORMATS (formats.py) is the table of formats."""
