"""Does batch size cause generalisation, and through what?"""
