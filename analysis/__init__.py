"""After the study: pandas and pictures. Neither torch nor Ray is imported here."""
