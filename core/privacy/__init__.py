"""What the law asks for: everything that is known of a person, and to forget a person."""
