"""The local stack: real servers and every service on one machine, without Docker."""
