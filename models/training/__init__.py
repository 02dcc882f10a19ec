"""How a model is trained; the command line is `models.train`."""
