"""How somebody comes in: keys, passwords, sessions of browsers, tokens of other providers."""
