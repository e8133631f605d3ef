"""The agent that `moorage join` runs at an institute behind a firewall."""
