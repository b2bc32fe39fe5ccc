"""The command line: commands, options, plain lines and listings."""
