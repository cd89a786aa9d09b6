"""The operator's side: local stack, migrations, demo catalog, deploy."""
