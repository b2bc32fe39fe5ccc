"""Control of a live run from another process: requests, the commands that send them, the client, resuming."""
