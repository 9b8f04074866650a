"""The playground: its set-up, its data, its random numbers and what it remembers. `core.simulation` trains it."""
