"""The intercom: a conversation of several clients over the line protocol."""
