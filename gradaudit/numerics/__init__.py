"""Numbers with error bars: noise, slopes, sign patterns and certificates.

Everything here works on ``phi``, a callable that maps a batch of steps ``t`` to
the values ``phi(t) = f(x + t v)``, and on plain numbers. Nothing here knows of
problems, blocks or text.
"""
