"""Attacks of an evaluation: one file each, with a `passes`.

An attack is a list of passes. Each is made on the images that withstood the ones before it, and
returns one attempt an image; whether the attempts succeed is for whoever called to find out.
"""
