"""What C{twistd} runs: options, services, limits, and how the daemon stops."""
