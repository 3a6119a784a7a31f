"""Strong attacks on a fixed network: their state, AutoAttack and sanity checks."""
