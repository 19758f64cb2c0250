"""The names of targets, groups and clusters as curators read them; as stored they are keys."""


def group(value: str) -> str:
    """The value of a group attribute: "no_wheelchair" is "no wheelchair"."""
    return value.replace("_", " ")


def target(name: str) -> str:
    """What a validation loss is about: "mobility=no_wheelchair" is "mobility: no wheelchair"."""
    attribute, is_group, value = name.partition("=")
    return f"{group(attribute)}: {group(value)}" if is_group else name


def cluster(name: str) -> str:
    """The name of a cluster cut down to what sets it apart: "dog, grass: captions that fit worst" is "dog, grass · fit worst"."""
    topic, is_stratum, stratum = name.partition(": captions ")
    return f"{topic} · {stratum.removeprefix('that ').removeprefix('by ')}" if is_stratum else name
