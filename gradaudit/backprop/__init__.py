"""Which line of a hand-written backward pass is the first wrong one?"""
