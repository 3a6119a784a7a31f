"""Tables and figures of papers: one space per file."""
