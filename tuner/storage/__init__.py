"""Files of a study: the results folder, event log, frames, locks, remote stores and checkpoint retention."""
