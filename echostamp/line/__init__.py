"""The line protocol: messages in, stamped replies out."""
