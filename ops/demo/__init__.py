"""A demo catalog that a shopper believes: made up by chance that a seed repeats, streamed into
PostgreSQL by COPY. The words are in `words/`, one file per department; what they become is here.
"""
