"""Features: every photo and every caption as a vector, from an encoder or as imported."""
