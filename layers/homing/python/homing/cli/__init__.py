"""The command line: one module for each noun, a shell like the others. Decides nothing about mail."""
