"""Callbacks: who subscribes, and how they are delivered."""
