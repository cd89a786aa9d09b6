"""Pages as a shopper gets them: the storefront over a real catalog."""
