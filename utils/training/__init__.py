"""How the course's models are trained and kept: losses, one loop, devices, checkpoints."""
