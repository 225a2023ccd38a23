"""The study's runs on graphs: three data sets, three networks, trained many at once."""
