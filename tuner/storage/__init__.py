"""Files of a study: results folder, event log, frames, locks, remote stores, retention."""
