import pandas as pd
import pytest

from influencespace.curation.reasons import reasons


def reason(**row):
    plain = {"disposition": "keep", "decided": 0, "agreement": 0.0, "score": 0.1, "excess": 0.5, "pairs": 10, "kept": 10,
             "duplicates": 0, "held": 0}
    return reasons(pd.DataFrame([plain | row]), 100)[0]


@pytest.mark.parametrize(("row", "said"), [
    ({}, "helps about its share or less"),
    ({"score": -0.1}, "harms a little, but less than what goes"),
    ({"disposition": "prune", "score": -0.1, "kept": 0}, "harms the validation loss"),
    ({"disposition": "prune", "kept": 0}, "helps less than what is kept"),
    ({"disposition": "prune in part", "kept": 7}, "at the limit: its 3 weakest of 10 pairs go to meet the ratio"),
    ({"disposition": "up-weight", "excess": 2.34}, "under-represented: 2.3 x as much benefit as its share of the pairs"),
    ({"disposition": "prune", "kept": 0, "agreement": -1.0}, "helps less than what is kept; captions fit badly"),
    ({"disposition": "up-weight", "excess": 2.0, "agreement": 1.0},
     "under-represented: 2.0 x as much benefit as its share of the pairs; captions fit well"),
    ({"decided": 10, "disposition": "prune", "agreement": -1.0}, "decided by you"),
    ({"disposition": "prune in part", "kept": 3, "held": 3},
     "helps less than what is kept; its best 3 of 10 pairs stay for the coverage floor"),
    ({"disposition": "prune in part", "score": -0.1, "kept": 3, "held": 3},
     "harms the validation loss; its best 3 of 10 pairs stay for the coverage floor"),
    ({"disposition": "prune in part", "kept": 5, "held": 1},
     "at the limit: its 5 weakest of 10 pairs go to meet the ratio; its best 1 of 10 pairs stay for the coverage floor"),
    ({"decided": 2}, "helps about its share or less; 2 of 10 pairs decided by you"),
])
def test_a_reason_says_what_decided(row, said):
    assert reason(**row) == said
