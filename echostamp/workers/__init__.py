"""Several processes of one daemon: the counts that they share, who serves what."""
