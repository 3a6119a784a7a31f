"""Speed, memory and exactness on a GPU, measured by one command."""
