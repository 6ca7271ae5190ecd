"""The HTTP interface: translates requests into calls of the store, and values and errors into answers. It decides nothing itself."""
