"""All SQL of the product: synchronous functions over one connection, every one owner-scoped.

Each function is safe to repeat after a lost connection, which is what lets `Database.run` do so.
"""
