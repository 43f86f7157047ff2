"""Exporters: from a Minari dataset to the formats that other libraries train on."""
