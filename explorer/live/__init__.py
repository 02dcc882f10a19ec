"""The server behind the page: requests in, values and frames out."""
