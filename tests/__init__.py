"""How annotations are checked while tests run: by beartype, an int being a float as everywhere in Python."""

from beartype import BeartypeConf, beartype

check = beartype(conf=BeartypeConf(is_pep484_tower=True))
