"""What training the arms comes to on the fabricated workspace, in the form that ``influencespace.evaluation.compare`` has."""

from __future__ import annotations


def comparison(sizes: dict[str, int], values: list[str], train: int, test: int) -> dict:
    """A comparison of arms, each trained on so many pairs, by the groups of ``values``."""
    def figure(mean, half=1.0):
        return {"mean": mean, "low": mean - half, "high": mean + half}

    arms = []
    for i, (arm, pairs) in enumerate(sizes.items()):
        seconds = None if arm == "start" else 2.5
        sides = {side: figure(40.0 - i) for side in ("both", "image_to_text", "text_to_image")}
        recall = {metric: sides for metric in ("R@1", "R@5", "R@10")}
        arms.append({
            "arm": arm, "pairs": pairs, "reduction": 100 * (1 - pairs / train), "weight": 1.2, "recall": recall,
            "seconds": {"training": seconds, "scoring": 1.5, "total": seconds and seconds + 1.5},
            "gaps": {"gender": {
                "gap": figure(3.0) | {"highest": "man", "lowest": "woman", "why": None},
                "groups": {v: figure(39.0 - i) | {"photos": 6, "compared": True} for v in values},
            }},
            "median_rank": dict.fromkeys(sides, figure(3.0 + i)),
            "worst_group": {"gender": figure(36.0 - i) | {"group": "woman", "why": None}},
            "neutral": {"gender": {"ndkl": figure(0.05, 0.02), "max_skew": {"10": figure(0.2, 0.1)}}},
            "zero_shot": None,
            "robustness": {
                name: {"recall": {metric: figure(30.0 - i) for metric in recall}, "drop": figure(10.0)}
                for name in ("blur", "all")
            },
            "convergence": None if seconds is None else {
                "reached": 2, "of": 2, "seconds": figure(2.0), "with_scoring": figure(3.5),
                "efficiency": {"without_scoring": figure(1.25, 0.1), "with_scoring": figure(0.7, 0.1)},
            },
            "energy": None,
            "matching": {
                "accuracy": figure(0.8, 0.1), "demographic_parity_difference": {"gender": figure(0.1, 0.05)},
                "equal_opportunity_difference": {"gender": figure(0.1, 0.05)},
            },
            "proposal": {
                "data_volume_reduction": 100 * (1 - pairs / train), "model_accuracy": {m: figure(101.0) for m in recall},
                "bias_mitigation": {
                    w: {"gender": figure(0.01, 0.02)} for w in ("demographic_parity", "equal_opportunity")
                },
                "training_efficiency": {"without_scoring": figure(1.2, 0.1), "with_scoring": figure(0.8, 0.1)},
            },
        })
    differences = [
        {"arm": arm, "against": other, "metric": metric} | figure(2.0)
        for other in ("full", "random") for arm in sizes if arm != other for metric in ("R@1", "R@5", "R@10")
    ]
    for arm in sizes:
        if arm != "full":
            of = {"arm": arm, "against": "full", "attribute": "gender"}
            differences += [of | {"metric": "group", "group": value} | figure(2.0) for value in values]
            differences += [
                of | {"metric": "worst group"} | figure(2.0), of | {"metric": "NDKL"} | figure(-0.02, 0.01),
                of | {"metric": "MaxSkew@10"} | figure(0.05, 0.02),
                {"arm": arm, "against": "full", "metric": "damaged", "damage": "all"} | figure(0.5),
            ]
            differences.append(of | {"metric": "gap", "highest": "man", "lowest": "woman"} | figure(-0.5))
    return {
        "format": 2, "decides": "R@10", "photos": test, "captions": test, "seeds": [0, 1], "arms": arms,
        "differences": differences, "missing": {"clip-score": "the features of image and text are not aligned"},
        "unmeasured": {"zero_shot": "no column of labels was named (--labels)"}, "zero_shot": None,
        "neutral": {
            "queries": ["a photo of a person"], "chance": {"gender": {"photos": 10, "ndkl": 0.03, "max_skew": {"10": 0.12}}},
        },
    }
