"""What somebody tries who wants to be somebody else, or to make others do what they want."""
