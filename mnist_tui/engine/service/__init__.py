"""The control socket, steering, and explanations of single digits."""
