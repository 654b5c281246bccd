"""`tapereader bench`: what one worker carries, measured on the broker of the settings with its result checked.

The worker is the streams role itself, as a process; it is only watched. Beside it, in the same run, stand a reader
that folds nothing (the ceiling) and a program of stock Faust.
"""
