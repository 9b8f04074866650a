"""Small data sets: real ones read from the files beside this module, toy ones drawn from a generator."""
