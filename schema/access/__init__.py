"""The fields for coming in, and for knowing who one is: keys, passwords, the viewer and its permissions."""
