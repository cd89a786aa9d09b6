"""The work behind the store: job tables, brokers, workers. Owns the schema `jobs`."""
