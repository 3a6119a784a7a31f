"""One HTML page about one or several studies: `python -m analysis.report FOLDER...`."""
