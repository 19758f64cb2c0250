"""InfluenceSpace: curate image-text pairs by what they do to the model that is trained on them."""

__version__ = "0.1.0"
