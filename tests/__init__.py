"""Tests mirror the services; journeys, browser, faults and deploy stand beside them."""
