import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from influencespace.training.baselines import without_least


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=50), st.data())
def test_the_least_values_go_and_of_equal_ones_the_first(values, data):
    count = data.draw(st.integers(0, len(values)))
    weights = without_least(np.array(values), count)
    gone = {i for i in range(len(values)) if weights[i] == 0}
    assert gone == set(sorted(range(len(values)), key=lambda i: (values[i], i))[:count])
    assert set(weights.tolist()) <= {0.0, 1.0} and weights.dtype == np.float32
