"""The aggregator behind `/up` and `/health`: looks at everything, owns nothing."""
