"""The offline demo: small drawn scenes with captions, with faults planted in them whose truth is known."""

from influencespace.pairs.demo.write import ENCODER, DemoPaths, clean_pairs, write_demo

__all__ = ["ENCODER", "DemoPaths", "clean_pairs", "write_demo"]
