"""Control of a live run from another process: the protocol, the client, resuming."""
