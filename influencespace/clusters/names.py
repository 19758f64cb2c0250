"""Names for topics and strata, from the words of their captions: no network, no model.

A word names a topic by class-based TF-IDF (Grootendorst 2022, "BERTopic: Neural topic modeling with a class-based TF-IDF
procedure", section 3.3) in its information-theoretic form (Aizawa 2003, "An information-theoretic perspective of tf-idf
measures"): the share of the topic's captions with the word, times the logarithm of that share over its share everywhere.
Unlike BERTopic's own weight this is zero for a word that is as common everywhere ("man" among photos of people).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import regex
from scipy import sparse
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer

KEYWORDS = 8
IN_NAME = 3
# One caption's slip is no keyword of its topic.
FEWEST_CAPTIONS = 2

# Words that scikit-learn's list holds for newspapers, but that photos show.
_STOP_WORDS = ENGLISH_STOP_WORDS - {"bill", "bottom", "cry", "fire", "mill", "mine", "top"}
# Letters of any script with their marks, which Python's own \w leaves out; inside a word also an apostrophe or hyphen.
_WORD = regex.compile(r"\p{L}[\p{L}\p{M}]*(?:['’-]\p{L}[\p{L}\p{M}]*)*")
# Scripts without spaces between words are read in pairs of characters, as search engines do.
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_POSSESSIVE = regex.compile(r"['’]s$")
_IRREGULAR = {"men": "man", "women": "woman", "children": "child", "people": "person"}
_FIT = {
    2: ("badly", "well"),
    3: ("badly", "fairly", "well"),
    4: ("worst", "badly", "well", "best"),
    5: ("worst", "badly", "fairly", "well", "best"),
}


def name_clusters(captions: Sequence[str], labels: np.ndarray, keywords: int = KEYWORDS) -> dict[int, list[str]]:
    """The words that tell each cluster's captions from those of the others, the most telling first.

    A word counts once a caption, however often it repeats it, and singular and plural are one word, in the form that is
    more frequent. English stop words are left out.

    Parameters
    ----------
    captions
        (n,) captions in any script.
    labels
        (n,) int, the cluster of each.
    keywords
        The most words a cluster gets; it may get fewer, or none where its captions share no word.

    Returns
    -------
    dict
        For each label its keywords.
    """
    clusters, codes = np.unique(labels, return_inverse=True)
    try:
        vectorizer = CountVectorizer(analyzer=_words, binary=True, dtype=np.int64)
        counts = vectorizer.fit_transform(captions)
    except ValueError:
        # scikit-learn's way to say that no caption has a word.
        return {int(label): [] for label in clusters}
    words, counts = _merged(vectorizer.get_feature_names_out(), counts)
    member = sparse.csr_array((np.ones(len(codes), dtype=np.int64), (codes, np.arange(len(codes)))))
    return _ranked(clusters, np.bincount(codes), sparse.csr_array(member @ counts), words, keywords)


def topic_names(keywords: dict[int, list[str]]) -> dict[int, str]:
    """One name a topic, "dog, frisbee, grass", no two alike.

    Topics that share their first keywords go on to the next ones until they differ; a topic without keywords is
    "topic 7", and topics whose keywords are all the same bear their number: "dog, grass (7)".
    """
    names: dict[int, str] = {}
    taken: set[str] = set()
    for topic, words in sorted(keywords.items()):
        lengths = range(min(IN_NAME, len(words)), len(words) + 1) if words else ()
        options = [", ".join(words[:length]) for length in lengths]
        numbered = f"{options[0]} ({topic})" if options else f"topic {topic}"
        names[topic] = next((name for name in options if name not in taken), numbered)
        taken.add(names[topic])
    return names


def name_strata(topic: str, count: int) -> list[str]:
    """Names of a topic's ``count`` strata, from the one whose captions fit worst to the one where they fit best."""
    if count == 1:
        return [topic]
    if count in _FIT:
        return [f"{topic}: captions that fit {fit}" for fit in _FIT[count]]
    return [f"{topic}: captions by fit, {stratum} of {count} (1 is worst)" for stratum in range(1, count + 1)]


def _words(caption: str) -> list[str]:
    found = []
    for word in _WORD.findall(caption.lower()):
        if _UNSPACED.search(word):
            found += [word[i : i + 2] for i in range(len(word) - 1)]
            continue
        word = _POSSESSIVE.sub("", word)
        if len(word) > 1 and word not in _STOP_WORDS:
            found.append(word)
    return found


def _merged(words: np.ndarray, counts: sparse.csr_matrix) -> tuple[np.ndarray, sparse.csr_array]:
    """Singular and plural as one column, named by the more frequent of the two."""
    place = {word: i for i, word in enumerate(words)}
    target = np.array([next((place[s] for s in _singulars(word) if s in place), i) for word, i in place.items()])
    # A singular may itself look like a plural ("lenses", "lens", "len").
    target = target[target]
    columns, codes = np.unique(target, return_inverse=True)
    join = sparse.csr_array((np.ones(len(words), dtype=np.int64), (np.arange(len(words)), codes)))
    together = sparse.csr_array(counts) @ join
    together.data[:] = 1
    frequency = np.asarray(counts.sum(axis=0)).ravel()
    names = np.empty(len(columns), dtype=object)
    for i in np.argsort(frequency, kind="stable"):
        names[codes[i]] = words[i]
    return names, together


def _singulars(word: str) -> list[str]:
    if word in _IRREGULAR:
        return [_IRREGULAR[word]]
    if len(word) < 4 or not word.endswith("s") or word.endswith("ss"):
        return []
    return [word[:-3] + "y"] * word.endswith("ies") + [word[:-1]] + [word[:-2]] * word.endswith("es")


def _ranked(
    clusters: np.ndarray, sizes: np.ndarray, captions_with: sparse.csr_array, words: np.ndarray, keywords: int
) -> dict[int, list[str]]:
    everywhere = np.asarray(captions_with.sum(axis=0)).ravel() / sizes.sum()
    out = {}
    for row, (label, size) in enumerate(zip(clusters, sizes, strict=True)):
        part = slice(captions_with.indptr[row], captions_with.indptr[row + 1])
        columns, count = captions_with.indices[part], captions_with.data[part]
        share = count / size
        weight = share * np.log(share / everywhere[columns])
        telling = (count >= min(FEWEST_CAPTIONS, size)) & (weight >= 0)
        order = sorted(zip(-weight[telling], -count[telling], words[columns[telling]], strict=True))
        out[int(label)] = [word for *_, word in order[:keywords]]
    return out
