"""The subjects of the command line: one module a subject, each with a click command or group."""
