"""An AD-shaped directory and other parts for development and tests. Never for production."""
