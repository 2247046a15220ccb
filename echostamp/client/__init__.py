"""The C{echostamp} command: its options, and a run of each subcommand."""
