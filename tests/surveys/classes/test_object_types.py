"""SIMBAD's object types: the dated map, and that nothing is guessed."""

from datetime import date

from luxjax.surveys.classes._object_types import object_type_map, parse_object_types


def test_the_map_is_whole_and_dated():
    table, facts = object_type_map()
    assert table["code"].is_unique
    assert table["label"].is_unique
    assert ((table["class"] != "") ^ (table["why"] != "")).all()
    assert "2022-07" in facts["list"]
    assert date.fromisoformat(facts["state"].split()[0]) > date(2022, 7, 1)
    codes = set(table["code"])
    for path in table["path"]:
        assert set(path.split(" > ")) <= codes, path
    candidates = table["label"].str.endswith("_Candidate")
    assert (table["class"][candidates] == "").all()


def test_codes_and_labels_have_a_class_and_others_a_reason():
    kinds = {
        "*": "star", "PM*": "star", "HB*": "horizontal_branch", "RR*": "horizontal_branch", "WD*": "white_dwarf", "LM*": "low_mass",
        "BD*": "brown_dwarf", "C*": "carbon", "Em*": "emission_line", "EB*": "binary", "RG*": "red_giant", "HS*": "hot_subdwarf",
        "WhiteDwarf": "white_dwarf", "RRLyrae": "horizontal_branch", "Star": "star", "QSO": "quasar", " CV* ": "cataclysmic",
    }  # fmt: skip
    found = parse_object_types(kinds)
    assert found["main"].tolist() == list(kinds.values())
    assert (found["reason"] == "").all()
    given = {"WD?": "candidate", "Fl*": "not in SIMBAD's list of", "wd*": "not in", "": "no object type", "Psr": "no star", "X": "not what it is"}  # fmt: skip
    found = parse_object_types(given)
    assert (found["main"] == "").all()
    for said, reason in zip(given.values(), found["reason"], strict=True):
        assert said in reason
    assert parse_object_types([None])["reason"].tolist() == ["it has no object type"]
