"""What performance is claimed with: each figure can be measured again by anyone."""
