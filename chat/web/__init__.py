"""Everything that speaks HTTP: who asks, what they may, and how it is answered."""
