"""The measures of a model on test images, one a file; `suite` puts them together."""
