"""Many clips: what is to be done, what has been done, and who does it.

``manifest`` says which clips there are, ``records`` what became of them, ``job`` does one, and ``engines`` have many done.
"""
