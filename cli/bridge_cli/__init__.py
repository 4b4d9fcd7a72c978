"""The command line of the Claude Context Bridge, and its client as a library (`bridge_cli.client`)."""
