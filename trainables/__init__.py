"""One trial: data, model, method, attack and the training loop."""
