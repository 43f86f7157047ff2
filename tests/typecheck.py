"""What checks the package's annotations while tests run: beartype, with the numeric tower of PEP 484 (an int is a float)."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
