"""What the doctor says, and how it ends."""
