"""Recall on real photos against the figures that were measured when the lab's encoder was trained."""

import numpy as np
import pandas as pd
import pytest

from influencespace.metrics.recall import recall_at, retrieval_ranks


@pytest.mark.lab
def test_recall_of_the_lab_s_encoder_is_what_its_readme_says(lab):
    folder = lab / "flickr8k" / "embeddings"
    dev = (pd.read_parquet(folder / "metadata" / "metadata_0.parquet")["split"] == "dev").to_numpy()
    image, text = (
        np.load(folder / f"{side}_emb" / f"{side}_emb_0.npy")[dev].astype(np.float32) for side in ("img", "text")
    )
    assert len(image) == 1000
    forward, backward = retrieval_ranks(image, text, np.arange(1000))
    # The embeddings are stored as float16, which moves a rank here and there.
    assert [100 * recall_at(backward, k) for k in (1, 5, 10)] == pytest.approx([14.9, 38.3, 49.8], abs=0.2)
    assert [100 * recall_at(forward, k) for k in (1, 5, 10)] == pytest.approx([12.4, 35.3, 48.1], abs=0.2)
