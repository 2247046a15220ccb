"""The interactive client."""
