"""The process host: the functions, served by one process on one machine."""
