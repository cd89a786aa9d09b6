"""The aggregator: slow to change its mind, always answering."""
