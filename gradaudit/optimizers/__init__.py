"""What an optimizer was asked, what it did, and what it said."""
