"""Other hosts: which are allowed, and how they are spoken to. The only way out."""
