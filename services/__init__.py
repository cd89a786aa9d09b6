"""Kiosk's services: plain shared files here, one package per service below."""
