"""The look that every page of ours shares: its stylesheets, and how assets get to a browser."""
