"""What one trial is: data, model, method, attack and the loop that ties them together."""
