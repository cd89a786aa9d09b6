"""The pages a shopper sees. Owns no data: asks catalog (and checkout) by internal calls."""
