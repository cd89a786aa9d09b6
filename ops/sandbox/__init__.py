"""The sandbox: a payment gateway that speaks Stripe's language, and a mailbox that catches every mail.

One process for development and tests. It moves no money and sends nothing on; production never runs it.
"""
