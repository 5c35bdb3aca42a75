"""What a mail is, and what should happen: pure functions over `Mail`, `Facts` and `Policy`."""
