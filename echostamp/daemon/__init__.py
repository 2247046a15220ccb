"""What twistd runs."""
