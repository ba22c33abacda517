"""The course's models, one file an architecture, on the shared parts in `blocks`."""
