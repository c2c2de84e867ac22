"""What the user has set, and where photond's files lie."""
