"""Reading the user's Python: names of blocks, callables that ignore their argument, places."""
