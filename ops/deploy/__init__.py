"""`make deploy` and what goes with it: one image, rolled out on Docker Swarm without losing a request,
or everything back as it was and a page of plain words that says why."""
