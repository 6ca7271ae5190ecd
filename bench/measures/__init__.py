"""One module for each group of measures; each measure takes a `Bench` and gives a `Measured`."""
