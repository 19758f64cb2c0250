import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from influencespace.clusters.names import _words, name_clusters, name_strata, topic_names


def named(*clusters, **options):
    captions = [caption for cluster in clusters for caption in cluster]
    labels = np.repeat(np.arange(len(clusters)), [len(cluster) for cluster in clusters])
    return name_clusters(captions, labels, **options)


def test_the_words_that_tell_a_cluster_from_the_others_come_first():
    keywords = named(
        ["A man throws a frisbee to a dog", "The dog and a frisbee", "A dog on grass"],
        ["A man surfs a wave", "The wave and the man", "A surfer on a wave"],
    )
    assert keywords == {0: ["dog", "frisbee"], 1: ["wave", "man"]}


def test_weights_equal_the_formula_counted_by_hand():
    # dog: 3/4 here, 3/8 in all; ball: 2/4 here, 2/8 in all; man: 3/4 here, 6/8 in all, so 0.
    keywords = named(["man dog", "man dog ball", "man dog ball", "cloud"], ["man", "man", "man", "tree"])
    assert 3 / 4 * np.log(2) > 2 / 4 * np.log(2) > 3 / 4 * np.log(1)
    assert keywords == {0: ["dog", "ball", "man"], 1: ["man"]}


def test_a_caption_that_repeats_a_word_counts_once():
    keywords = named(["spam " * 10_000 + "dog", "dog cat", "dog cat"], ["tree", "tree"])
    assert keywords[0] == ["dog", "cat"]


def test_singular_and_plural_are_one_word_in_its_more_frequent_form():
    keywords = named(["two dogs", "dogs", "a dog"], ["a city", "big cities", "the city"], ["men", "men", "a man"])
    assert keywords == {0: ["dogs"], 1: ["city"], 2: ["men"]}


def test_words_that_only_look_like_plurals_stay():
    assert named(["grass bus", "grass bus"], ["gra bu", "tree"])[0] == ["bus", "grass"]


def test_what_photos_show_is_no_stop_word():
    assert named(["the fire of a mill"] * 2, ["tree"] * 2)[0] == ["fire", "mill"]


@pytest.mark.parametrize(
    ("caption", "words"),
    [
        ("A dog's t-shirt, 2 x 3 metres!", ["dog", "t-shirt", "metres"]),
        ("Ein Mädchen fährt", ["ein", "mädchen", "fährt"]),
        ("собака бежит", ["собака", "бежит"]),
        ("एक हिन्दी कुत्ता", ["एक", "हिन्दी", "कुत्ता"]),
        ("小狗在草地", ["小狗", "狗在", "在草", "草地"]),
        ("🐕 123 ...", []),
    ],
)
def test_words_of_any_script(caption, words):
    assert _words(caption) == words


def test_captions_without_words_leave_the_number():
    keywords = named(["", "!!"], ["12"])
    assert keywords == {0: [], 1: []}
    assert topic_names(keywords) == {0: "topic 0", 1: "topic 1"}


def test_a_single_cluster_is_named_by_its_most_frequent_words():
    captions = ["dog grass", "dog grass", "dog ball", "ball dog", "ball grass ball", "sun"]
    assert named(captions) == {0: ["dog", "ball", "grass"]}


def test_a_cluster_of_one_pair_has_a_name():
    assert named(["a red kite"], ["a dog", "dogs"])[0] == ["kite", "red"]


def test_no_more_keywords_than_asked_for():
    assert len(named(["one1 alpha beta gamma delta"] * 2, ["tree"], keywords=2)[0]) == 2


def test_names_that_would_be_equal_take_the_next_keyword():
    assert topic_names({
        0: ["dog", "grass", "ball", "red"], 1: ["dog", "grass", "ball", "blue"], 2: ["dog", "grass", "ball", "blue"],
        3: ["dog", "grass", "ball"], 4: ["cat"], 5: [],
    }) == {
        0: "dog, grass, ball", 1: "dog, grass, ball, blue", 2: "dog, grass, ball (2)", 3: "dog, grass, ball (3)",
        4: "cat", 5: "topic 5",
    }


@given(st.dictionaries(st.integers(0, 30), st.lists(st.sampled_from("abcd"), unique=True, max_size=4)))
def test_names_are_unique(keywords):
    names = topic_names(keywords)
    assert names.keys() == keywords.keys()
    assert len(set(names.values())) == len(names)


@given(st.lists(st.tuples(st.integers(-1, 3), st.text("ab s日क्", max_size=6)), min_size=1, max_size=20))
def test_every_label_is_named_the_same_each_time(pairs):
    labels, captions = np.array([label for label, _ in pairs]), [caption for _, caption in pairs]
    keywords = name_clusters(captions, labels)
    assert keywords.keys() == set(labels.tolist())
    assert keywords == name_clusters(captions, labels)
    order = np.random.default_rng(0).permutation(len(pairs))
    assert keywords == name_clusters([captions[i] for i in order], labels[order])


def test_strata_from_worst_to_best():
    assert name_strata("dog, grass", 1) == ["dog, grass"]
    assert name_strata("dog", 2) == ["dog: captions that fit badly", "dog: captions that fit well"]
    assert [name.removeprefix("dog: captions that fit ") for name in name_strata("dog", 5)] == [
        "worst", "badly", "fairly", "well", "best",
    ]
    assert name_strata("dog", 7)[0] == "dog: captions by fit, 1 of 7 (1 is worst)"
    for count in range(1, 12):
        assert len(set(name_strata("dog", count))) == count
