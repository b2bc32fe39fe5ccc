"""Base screens of an opened run: header, alert banner, epoch slider."""
