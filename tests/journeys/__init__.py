"""What a shopper, a developer and an operator do, through Traefik. `BASE_URL` points it anywhere."""
