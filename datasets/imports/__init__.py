"""Importers: from the datasets of other libraries to recordings that worlds are trained on."""
